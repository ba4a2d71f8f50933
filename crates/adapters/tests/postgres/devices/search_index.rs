//! [`SearchIndex`](devices_domain::SearchIndex).

use std::time::Duration;

use devices_adapters::postgres::{DatabaseOptions, PostgresSearchIndex};
use devices_domain::{
    DeviceFilter, IndexError, IndexedChunk, NewDevice, RawValue, RebuildScope, Search, SearchIndex,
    WorkspaceId,
};
use devices_tests::execute;

use crate::{TestStore, Writer, block_on, device, device_of, options};

const MEBIBYTE: usize = 1024 * 1024;

impl TestStore {
    pub(super) fn index(&self) -> PostgresSearchIndex {
        PostgresSearchIndex::new(self.pool.clone())
    }

    /// Indexes a chunk of the first workspace with queued devices.
    pub(crate) async fn index_chunk(&self, max_bytes: usize) -> Option<IndexedChunk> {
        let workspace = self.index().next_queued_workspace(None).await.unwrap()?;
        self.index()
            .index_chunk(workspace, max_bytes)
            .await
            .unwrap()
    }

    pub(super) async fn index_all(&self) {
        while self.index_chunk(MEBIBYTE).await.is_some() {}
    }

    /// Begins a transaction that prevents the indexing of a device until it ends.
    pub(crate) fn block_indexing(
        &self,
        workspace: WorkspaceId,
        device: i64,
    ) -> diesel::PgConnection {
        let mut connection = self.database.connect();
        let insert = format!(
            "BEGIN; INSERT INTO search_documents (workspace_id, device_id, is_archived, document)
             VALUES ({}, {device}, false, '')",
            workspace.0
        );
        execute(&mut connection, &insert);
        connection
    }
}

/// Returns devices with the largest possible search documents.
fn unusual_devices(count: u32) -> Vec<NewDevice> {
    let devices = (0..count).map(|number| {
        let first = char::from_u32(0x4E00 + number).unwrap();
        let comment: String = (first..).take(10_000).collect();
        device_of([("comment", RawValue::text(comment))])
    });
    devices.collect()
}

async fn find(writer: &Writer, text: &str) -> Vec<i64> {
    let filter = DeviceFilter {
        search: Search::parse(text).unwrap(),
        ..DeviceFilter::default()
    };
    writer.list_ids(filter).await
}

#[test]
fn workspaces_are_indexed_in_turns() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let initech = store.writer("initech").await;
        for _ in 0..12 {
            acme.create(unusual_devices(20)).await.unwrap();
        }
        globex.create(vec![device(&[])]).await.unwrap();
        initech
            .create(vec![device(&[]), device(&[])])
            .await
            .unwrap();
        let (index, mut visited, mut last) = (store.index(), Vec::new(), None);
        while store.database.count("search_queue") > 0 {
            last = index.next_queued_workspace(last).await.unwrap();
            if let Some(workspace) = last {
                let chunk = index.index_chunk(workspace, MEBIBYTE).await.unwrap();
                visited.push((workspace.0, chunk.unwrap().devices));
            }
        }
        assert_eq!(visited[0].0, acme.workspace.0);
        assert_eq!(
            visited[1..3],
            [(globex.workspace.0, 1), (initech.workspace.0, 2)]
        );
        assert!(visited.len() > 12, "{visited:?}");
        assert_eq!(store.database.count("search_documents"), 243);
        assert_eq!(store.database.count("search_queue"), 0);
    });
}

#[test]
fn chunks_are_limited_in_bytes() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(unusual_devices(20)).await.unwrap();
        let too_large = "search_queue WHERE pg_column_size(documents) > 1048576";
        assert_eq!(store.database.count(too_large), 0);
        let document = "SELECT max(pg_column_size(document))::text FROM (
                            SELECT unnest(documents) AS document FROM search_queue) AS queued";
        let document: usize = store.database.texts(document)[0].parse().unwrap();
        while let Some(chunk) = store.index_chunk(MEBIBYTE).await {
            let bytes = chunk.devices * document;
            assert!(bytes <= MEBIBYTE + document, "{bytes}");
        }
        assert_eq!(store.database.count("search_documents"), 20);
    });
}

#[test]
fn entry_of_any_size_is_indexed_in_parts() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]); 10]).await.unwrap();
        // Servers of previous versions write all devices of a batch into one entry.
        let bytes = "SELECT pg_column_size(documents)::text FROM search_queue";
        let bytes: usize = store.database.texts(bytes)[0].parse().unwrap();
        let mut parts = Vec::new();
        while let Some(chunk) = store.index_chunk(bytes / 3).await {
            parts.push(chunk.devices);
            let found = find(&acme, "xps").await;
            assert_eq!(found.len(), 10, "{parts:?}");
        }
        assert!(parts.len() >= 3, "{parts:?}");
        assert_eq!(parts.iter().sum::<usize>(), 10);
    });
}

#[test]
fn servers_index_different_workspaces_at_once() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let created = acme.create(vec![device(&[])]).await.unwrap();
        globex.create(vec![device(&[])]).await.unwrap();
        let blocking = store.block_indexing(acme.workspace, created[0].id.0);
        let (server, workspace) = (store.index(), acme.workspace);
        let server = tokio::spawn(async move { server.index_chunk(workspace, MEBIBYTE).await });
        store.database.wait_for_blocked_statement();
        let index = store.index();
        let skipped = index.index_chunk(acme.workspace, MEBIBYTE).await.unwrap();
        assert_eq!(skipped, None);
        let other = index.index_chunk(globex.workspace, MEBIBYTE).await.unwrap();
        assert_eq!(other.unwrap().devices, 1);
        drop(blocking);
        let indexed = server.await.unwrap().unwrap().unwrap();
        assert_eq!(indexed.devices, 1);
        assert_eq!(store.database.count("search_queue"), 0);
    });
}

#[test]
fn statement_timeout_differs_from_a_busy_pool() {
    block_on(async {
        let options = DatabaseOptions {
            pool_size: 1,
            pool_timeout: Duration::from_millis(50),
            statement_timeout: Duration::from_millis(500),
            ..options()
        };
        let store = TestStore::new().with_options(options);
        let acme = store.writer("acme").await;
        let created = acme.create(vec![device(&[])]).await.unwrap();
        let blocking = store.block_indexing(acme.workspace, created[0].id.0);
        let (server, workspace) = (store.index(), acme.workspace);
        let slow = tokio::spawn(async move { server.index_chunk(workspace, MEBIBYTE).await });
        store.database.wait_for_blocked_statement();
        let busy = store.index().index_chunk(workspace, MEBIBYTE).await;
        assert!(matches!(busy, Err(IndexError::Repository(_))), "{busy:?}");
        let slow = slow.await.unwrap();
        assert!(
            matches!(slow, Err(IndexError::StatementTimeout(_))),
            "{slow:?}"
        );
        drop(blocking);
        assert_eq!(store.index_chunk(MEBIBYTE).await.unwrap().devices, 1);
    });
}

#[test]
fn backlog_has_devices_and_age() {
    block_on(async {
        let store = TestStore::new();
        let index = store.index();
        let empty = index.backlog().await.unwrap();
        assert_eq!((empty.devices, empty.oldest), (0, Duration::ZERO));
        for name in ["acme", "globex"] {
            let writer = store.writer(name).await;
            writer.create(vec![device(&[]); 3]).await.unwrap();
        }
        store.database.execute(
            "UPDATE search_queue SET queued_at = now() - interval '90 s' WHERE workspace_id = 2",
        );
        let backlog = index.backlog().await.unwrap();
        assert_eq!(backlog.devices, 6);
        assert!((90..180).contains(&backlog.oldest.as_secs()), "{backlog:?}");
        let waited = |chunk: Option<IndexedChunk>| chunk.unwrap().waited.as_secs();
        assert!(waited(store.index_chunk(MEBIBYTE).await) < 90);
        assert!(waited(store.index_chunk(MEBIBYTE).await) >= 90);
    });
}

/// Rebuilds all documents of a scope. Returns the numbers of checked devices and of built
/// documents.
async fn rebuild(store: &TestStore, workspace: WorkspaceId, scope: RebuildScope) -> (usize, usize) {
    let (mut after, mut counts) = (None, (0, 0));
    while let Some(rebuilt) = store
        .index()
        .rebuild(workspace, after, scope)
        .await
        .unwrap()
    {
        after = Some(rebuilt.last);
        counts = (counts.0 + rebuilt.checked, counts.1 + rebuilt.built);
    }
    counts
}

#[test]
fn missing_documents_are_built() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let devices = (0..1_200).map(|_| device_of([("user_id", RawValue::Integer(user.0))]));
        acme.create(devices.collect()).await.unwrap();
        acme.create(vec![device(&[("serial_number", "sn-47-11")])])
            .await
            .unwrap();
        acme.create_archived(device(&[("name", "Old")])).await;
        store.index_all().await;
        assert_eq!(
            rebuild(&store, acme.workspace, RebuildScope::Missing).await,
            (1_202, 0)
        );
        let documents = "SELECT row(search_documents.*)::text FROM search_documents
                         ORDER BY device_id";
        let expected = store.database.texts(documents);
        store
            .database
            .execute("DELETE FROM search_documents WHERE device_id % 6 <> 0");
        assert_eq!(find(&acme, "7-11").await, [0; 0]);
        assert_eq!(
            rebuild(&store, acme.workspace, RebuildScope::Missing).await,
            (1_202, 1_002)
        );
        assert_eq!(find(&acme, "7-11").await, [1_201]);
        assert_eq!(store.database.texts(documents), expected);
    });
}

#[test]
fn rebuilding_all_replaces_documents() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        for writer in [&acme, &globex] {
            writer.create(vec![device(&[]); 2]).await.unwrap();
        }
        store.index_all().await;
        store
            .database
            .execute("UPDATE search_documents SET document = 'outdated', is_archived = true");
        let built = rebuild(&store, acme.workspace, RebuildScope::All).await;
        assert_eq!(built, (2, 2));
        assert_eq!(find(&acme, "xps").await.len(), 2);
        assert_eq!(find(&globex, "xps").await.len(), 0);
    });
}
