//! [`BatchRepository`].

use devices_domain::{
    BatchFilter, BatchId, BatchRepository, ClientStatus, DeviceFilter, KeepReason, KeptDevice,
    NotUndone, OnConflict, PageRequest, PageStart, RowCounts, Search, Store, StoredBatch,
};

use crate::{TestStore, Writer, block_on, device};

impl TestStore {
    fn batches(&self, writer: &Writer) -> Box<dyn BatchRepository> {
        self.store().for_workspace(writer.workspace).batches
    }

    /// Returns the number of the newest batch.
    fn newest_batch(&self) -> BatchId {
        let ids = self.database.texts(
            "SELECT id FROM device_events WHERE action = 'CREATED' ORDER BY id DESC LIMIT 1",
        );
        BatchId(ids[0].parse().unwrap())
    }

    /// Gives the newest event of `writer` to a batch with options that failed for one row.
    fn add_options(&self, writer: &Writer, event: BatchId, [created, updated]: [u32; 2]) {
        let (workspace, rows) = (writer.workspace, created + updated + 1);
        self.database.execute(&format!(
            "UPDATE device_events SET batch_id = {event} WHERE id = {event}; \
             INSERT INTO batches VALUES ({workspace}, {event}, 'update', false, {rows}, \
                                         {created}, {updated}, 0, 0, 1)"
        ));
    }
}

async fn list(batches: &dyn BatchRepository) -> Vec<StoredBatch> {
    let page = PageRequest {
        limit: 50,
        start: PageStart::Offset(0),
    };
    let listed = batches.list(BatchFilter::default(), page).await;
    listed.unwrap().items
}

#[test]
fn batch_with_options_has_its_counts() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        let plain = store.newest_batch();
        let created = acme.create(vec![device(&[])]).await.unwrap();
        let batch = store.newest_batch();
        store.add_options(&acme, batch, [1, 2]);
        // A further event of the batch, which names no other batch.
        store.database.execute(&format!(
            "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids, \
                                        fields, batch_id) \
             SELECT workspace_id, 'UPDATED', key_id, request_id, '{{1,2}}', '{{name}}', batch_id \
             FROM device_events WHERE id = {batch}"
        ));
        let batches = store.batches(&acme);
        let found = batches.find(batch).await.unwrap().unwrap();
        assert_eq!(found.on_conflict, OnConflict::Update);
        assert!(!found.is_atomic);
        let counts = RowCounts {
            rows: 4,
            created: 1,
            updated: 2,
            failed: 1,
            ..RowCounts::default()
        };
        assert_eq!(found.counts, counts);
        let listed = list(batches.as_ref()).await;
        assert_eq!(listed[0], found);
        assert_eq!(listed[1].id, plain);
        assert_eq!(listed.len(), 2);
        let undone = batches.undo(batch, false, acme.origin()).await;
        let undone = undone.unwrap().unwrap();
        assert_eq!(undone.archived, [created[0].id]);
        assert_eq!(undone.not_undone, NotUndone { updated: 2 });
    });
}

#[test]
fn batch_that_created_nothing_archives_nothing() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        let batch = store.newest_batch();
        store.add_options(&acme, batch, [0, 1]);
        // The first event of a batch that only changes devices.
        store
            .database
            .execute("UPDATE device_events SET action = 'UPDATED'");
        let batches = store.batches(&acme);
        let undone = batches.undo(batch, true, acme.origin()).await;
        let undone = undone.unwrap().unwrap();
        assert_eq!((undone.archived.len(), undone.kept.len()), (0, 0));
        assert_eq!(undone.not_undone, NotUndone { updated: 1 });
        let filter = DeviceFilter {
            batch: Some(batch),
            ..DeviceFilter::default()
        };
        assert_eq!(acme.list_ids(filter).await, [0; 0]);
        assert_eq!(store.database.count("device_events"), 1);
    });
}

/// Archived devices are found as such whether their documents are in the queue or in the index.
#[test]
fn undo_replaces_search_documents() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[("brand", "Lenovo")]); 3])
            .await
            .unwrap();
        let batch = store.newest_batch();
        // A device per chunk: the others stay queued.
        store.index_chunk(1).await;
        let batches = store.batches(&acme);
        let undone = batches.undo(batch, false, acme.origin()).await;
        assert_eq!(undone.unwrap().unwrap().archived.len(), 3);
        for _ in 0..4 {
            let active = DeviceFilter {
                search: Search::parse("lenovo").unwrap(),
                ..DeviceFilter::default()
            };
            let archived = DeviceFilter {
                client_status: Some(ClientStatus::Archived),
                ..active.clone()
            };
            assert_eq!(acme.list_ids(active).await, [0; 0]);
            assert_eq!(acme.list_ids(archived).await.len(), 3);
            store.index_chunk(1).await;
        }
        assert_eq!(store.database.count("search_queue"), 0);
        assert_eq!(store.database.count("search_documents"), 3);
    });
}

/// The job that writes the index inserts the documents in the order of the devices, too.
#[test]
fn undo_writes_search_documents_by_device() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let rows = ["C", "B", "A"].map(|serial| device(&[("serial_number", serial)]));
        let created = acme.create(rows.to_vec()).await.unwrap();
        let batch = store.newest_batch();
        let first = store.block_indexing(acme.workspace, created[0].id.0);
        let batches = store.batches(&acme);
        let origin = acme.origin();
        let undo = tokio::spawn(async move { batches.undo(batch, false, origin).await });
        store.database.wait_for_blocked_statement();
        // The undo waits for the first document, and has not written the last one yet.
        drop(store.block_indexing(acme.workspace, created[2].id.0));
        drop(first);
        let undone = undo.await.unwrap().unwrap().unwrap();
        assert_eq!(undone.archived.len(), 3);
    });
}

#[test]
fn undo_after_purge_keeps_the_other_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let created = acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        let batch = store.newest_batch();
        acme.delete(created[0].id).await;
        store
            .database
            .execute("DELETE FROM devices WHERE deleted_at IS NOT NULL");
        let undone = store.batches(&acme).undo(batch, false, acme.origin()).await;
        let undone = undone.unwrap().unwrap();
        let purged = KeptDevice {
            device_id: created[0].id,
            reason: KeepReason::ArchivedAlready,
        };
        assert_eq!(undone.kept, [purged]);
        assert_eq!(undone.archived, [created[1].id]);
    });
}

#[test]
fn list_of_batches_reads_their_index() {
    let store = block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for _ in 0..3 {
            acme.create(vec![device(&[])]).await.unwrap();
        }
        store
    });
    // Many changes after a few batches.
    store.database.execute(
        "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids) \
         SELECT 1, 'UPDATED', 1, 'request', '{1}' FROM generate_series(1, 20000)",
    );
    store.database.execute(
        "CREATE FUNCTION plan(statement text) RETURNS SETOF text LANGUAGE plpgsql AS \
             $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || statement; END $$; \
         ANALYZE device_events",
    );
    let plan = store.database.texts(
        "SELECT plan($$ SELECT device_events.id FROM device_events \
             WHERE device_events.workspace_id = 1 \
               AND (device_events.batch_id = device_events.id \
                    OR (device_events.batch_id IS NULL AND device_events.action = 'CREATED' \
                        AND device_events.user_id IS NULL \
                        AND device_events.enrollment_id IS NULL)) \
             ORDER BY device_events.id DESC LIMIT 51 $$)",
    );
    let plan = plan.join("\n");
    assert!(plan.contains("device_events_first_of_batch_idx"), "{plan}");
    assert!(!plan.contains("Sort"), "{plan}");
}
