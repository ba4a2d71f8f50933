//! Search and the search index.

use std::sync::Arc;

use devices_domain::{
    ClientStatus, DeviceFilter, IdentifierKey, PageRequest, PageStart, Precondition, RawRow,
    RawValue, Search, SearchDocument, SearchIndex, Total, UnknownFields, UserChange, UserId,
    UserPatch, WorkspaceId,
};

use crate::{TestStore, Writer, block_on, device, device_of};

fn search(text: &str) -> DeviceFilter {
    DeviceFilter {
        search: Search::parse(text).unwrap(),
        ..DeviceFilter::default()
    }
}

#[test]
fn search_results_do_not_depend_on_indexing() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let batch = vec![
            device(&[("name", "MacBook Pro"), ("serial_number", "C02XL0GSJGH5")]),
            device(&[("brand", "Résumé GmbH"), ("comment", "near the macbook")]),
            device_of([("user_id", RawValue::Integer(user.0))]),
        ];
        acme.create(batch).await.unwrap();
        store
            .writer("globex")
            .await
            .create(vec![device(&[("name", "MacBook")])])
            .await
            .unwrap();
        let searches = [
            ("macb", vec![1, 2]),
            ("MACBOOK pro", vec![1]),
            ("xl0gs", vec![1]),
            ("gsjgh5 macbook", vec![1]),
            ("resume", vec![2]),
            ("gmbh laptop", vec![2]),
            ("ada", vec![3]),
            ("ada laptop", vec![3]),
            ("ada macbook", vec![]),
            ("%", vec![]),
            ("_02", vec![]),
        ];
        for indexed in ["none", "two", "all", "all, again"] {
            for (text, ids) in &searches {
                let listed = acme.list_ids(search(text)).await;
                assert_eq!(&listed, ids, "{text}, indexed devices: {indexed}");
            }
            // A device per chunk.
            store.index_chunk(1).await;
            store.index_chunk(1).await;
        }
        assert_eq!(store.database.count("search_documents"), 4);
        assert_eq!(store.database.count("search_queue"), 0);
    });
}

#[test]
fn documents_are_stored_as_sent() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let comment = format!("{} it's \\ \"a\" 'b' 東京都 🖥 Ünïcode", "word ".repeat(50));
        let new = device_of([
            ("name", RawValue::text("Repeated words repeated")),
            ("brand", RawValue::text("Words")),
            ("serial_number", RawValue::text("sn-1")),
            ("comment", RawValue::text(comment)),
        ]);
        let document = SearchDocument::for_device(&new.fields);
        let expected: Vec<String> = document
            .lexemes()
            .map(|(lexeme, weights)| format!("{lexeme} {:?}", weights.iter().collect::<Vec<_>>()))
            .collect();
        acme.create(vec![new, device(&[])]).await.unwrap();
        let queued = "SELECT unnest(documents) AS document FROM search_queue";
        let indexed = "SELECT document FROM search_documents";
        for documents in [queued, indexed] {
            let stored = store.database.texts(&format!(
                "SELECT lexeme || ' [' || coalesce(array_to_string(weights, ', '), 'D') || ']'
                 FROM ({documents} LIMIT 1) AS stored
                 CROSS JOIN LATERAL unnest(stored.document) WITH ORDINALITY
                 ORDER BY ordinality"
            ));
            assert_eq!(stored, expected);
            // PostgreSQL finds the lexemes of a `tsvector` only in its own order.
            let misread =
                format!("({documents}) AS stored WHERE document::text::tsvector <> document");
            assert_eq!(store.database.count(&misread), 0);
            assert_eq!(store.database.count(&format!("({documents}) AS stored")), 2);
            store.index_all().await;
        }
        let identifiers =
            "SELECT coalesce(identifiers, '-') FROM search_documents ORDER BY device_id";
        assert_eq!(store.database.texts(identifiers), ["SN-1", "-"]);
    });
}

#[test]
fn concurrent_indexing_keeps_the_newest_document() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for round in 0..10 {
            let created = acme
                .create(vec![device(&[("name", "Before")])])
                .await
                .unwrap();
            let id = created[0].id.0;
            let (index, workspace) = (store.index(), acme.workspace);
            let index = tokio::spawn(async move { index.index_chunk(workspace, 1_000).await });
            let name = [("name", RawValue::text(format!("After{round}")))];
            acme.update(id, name, Precondition::Any).await.unwrap();
            index.await.unwrap().unwrap();
            let listed = acme.list_ids(search(&format!("after{round}"))).await;
            assert_eq!(listed, [id]);
        }
        assert_eq!(acme.list_ids(search("before")).await, Vec::<i64>::new());
    });
}

#[test]
fn search_finds_a_renamed_assignee_at_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        acme.create(vec![device_of([("user_id", RawValue::Integer(user.0))])])
            .await
            .unwrap();
        store.index_all().await;
        rename_user(&store, &acme, user, "Grâce").await;
        assert_eq!(acme.list_ids(search("grace")).await, [1]);
        rename_user(&store, &acme, user, "Alan").await;
        assert_eq!(acme.list_ids(search("grace")).await, Vec::<i64>::new());
        assert_eq!(acme.list_ids(search("alan exam")).await, [1]);
    });
}

async fn rename_user(store: &TestStore, writer: &Writer, user: UserId, name: &str) {
    let mut row = RawRow::for_user();
    row.set("first_name", RawValue::text(name));
    let change = UserChange {
        user,
        patch: UserPatch::from_row(&row, UnknownFields::Reject).unwrap(),
        origin: writer.origin(),
    };
    let users = store.users(writer.workspace);
    users.update(Arc::new(change)).await.unwrap();
}

/// Fills workspace 1 with `count` devices whose search documents contain the number of the device,
/// and words that all, 10 %, 1 % and the oldest 10 % of them have. 2 % are assigned to Ada, user 1.
async fn fill(store: &TestStore, workspace: WorkspaceId, count: usize) {
    store.user(workspace, "ada@example.com").await;
    store.database.execute(&format!(
        "INSERT INTO devices (workspace_id, name, type, category, serial_number,
                              serial_number_folded, is_rented, compliance, connection_type, user_id)
         SELECT 1, 'Laptop ' || n, CASE WHEN n % 100 = 7 THEN 'tablet' ELSE 'laptop' END, 'computers',
                'SN-' || n, 'SN-' || n, false, '{{}}', '{{}}', CASE WHEN n % 50 = 9 THEN 1 END
         FROM generate_series(1, {count}) AS n;
         INSERT INTO search_documents (workspace_id, device_id, user_id, identifiers,
                                       is_archived, document)
         SELECT workspace_id, id, user_id, serial_number_folded, false, array_to_tsvector(
             ARRAY['all', type, 'number' || id, CASE WHEN id % 2 = 0 THEN 'even' ELSE 'odd' END]
             || CASE WHEN id % 10 = 3 THEN ARRAY['tenth'] ELSE '{{}}' END
             || CASE WHEN id % 100 = 7 THEN ARRAY['hundredth'] ELSE '{{}}' END
             || CASE WHEN id <= {count} / 10 THEN ARRAY['old'] ELSE '{{}}' END)
         FROM devices WHERE workspace_id = 1",
    ));
    store.database.execute("VACUUM ANALYZE");
}

#[test]
fn search_in_large_workspace_finds_all_matches() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        fill(&store, acme.workspace, 70_000).await;
        let with = |text, change: fn(&mut DeviceFilter)| {
            let mut filter = search(text);
            change(&mut filter);
            filter
        };
        let none: fn(&mut DeviceFilter) = |_| {};
        let tablets: fn(&mut DeviceFilter) = |filter| filter.type_ = Some("tablet".to_owned());
        let assigned: fn(&mut DeviceFilter) = |filter| filter.user = Some(UserId(1));
        let archived: fn(&mut DeviceFilter) =
            |filter| filter.client_status = Some(ClientStatus::Archived);
        let repaired: fn(&mut DeviceFilter) =
            |filter| filter.client_status = Some(ClientStatus::InMaintenance);
        let serial: fn(&mut DeviceFilter) =
            |filter| filter.serial_number = Some(IdentifierKey::new("sn-6999"));
        for (text, change, total) in [
            ("number69999", none, 1),
            ("sn-6999", none, 11),
            ("number69999 all", none, 1),
            ("69999", none, 1),
            ("hundredth", none, 700),
            ("hundredth all", none, 700),
            ("hundredth tenth", none, 0),
            ("even odd", none, 0),
            ("ada", none, 1_400),
            ("ada all", none, 1_400),
            ("ada hundredth", none, 0),
            ("ada@example.com odd", none, 1_400),
            ("old hundredth", none, 70),
            ("missing", none, 0),
            ("all", tablets, 700),
            ("hundredth", tablets, 700),
            ("old", tablets, 70),
            ("tenth", tablets, 0),
            ("all", assigned, 1_400),
            ("all", archived, 0),
            ("all", repaired, 0),
            ("all", serial, 1),
        ] {
            let page = acme.list(with(text, change)).await;
            assert_eq!(page.total, Total::exact(total), "{text}");
            assert_eq!(page.items.len() as u64, total.min(100), "{text}");
        }
    });
}

#[test]
fn frequent_word_lists_the_newest_matches() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        fill(&store, acme.workspace, 70_000).await;
        for (text, newest) in [
            ("all", 70_000),
            ("all ALL", 70_000),
            ("tenth", 69_993),
            ("tenth odd", 69_993),
            ("sn-", 70_000),
            ("al", 70_000),
            ("old", 7_000),
            ("all old", 7_000),
        ] {
            let page = acme.list(search(text)).await;
            assert_eq!(page.total, Total::at_least(2_000), "{text}");
            assert_eq!(page.items[0].device.id.0, newest, "{text}");
        }
    });
}

#[test]
fn newest_matches_are_ranked_and_others_follow() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        fill(&store, acme.workspace, 2_700).await;
        // The best matches: one of the newest, and one that is too old to be ranked.
        store.database.execute(
            "UPDATE search_documents SET document = 'all:1A'::tsvector
             WHERE workspace_id = 1 AND device_id IN (100, 1000)",
        );
        let mut listed = Vec::new();
        let mut start = PageStart::Offset(0);
        loop {
            let request = PageRequest { limit: 99, start };
            let page = acme.devices.list(search("all"), request).await.unwrap();
            assert_eq!(page.total, Total::at_least(2_000));
            listed.extend(page.items.iter().map(|stored| stored.device.id.0));
            // The order of the first page is kept.
            acme.create(vec![device(&[("name", "All")])]).await.unwrap();
            match page.next {
                Some(next) => start = PageStart::Cursor(next),
                None => break,
            }
        }
        let others = (1..=2_700).rev().filter(|id| *id != 1_000);
        let expected: Vec<i64> = std::iter::once(1_000).chain(others).collect();
        assert_eq!(listed, expected);
    });
}

#[test]
fn offset_and_cursor_return_the_same_pages() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        fill(&store, acme.workspace, 2_700).await;
        for offset in [0, 1_950, 1_990, 2_000, 2_650, 2_690, 2_700, u64::MAX] {
            let request = |limit, start| PageRequest { limit, start };
            let list = |request| acme.devices.list(search("all"), request);
            let at_offset = list(request(50, PageStart::Offset(offset))).await.unwrap();
            let ids = at_offset.items.iter().map(|stored| stored.device.id.0);
            let first = 2_700_u64.saturating_sub(offset) as i64;
            let expected: Vec<i64> = (1..=first).rev().take(50).collect();
            assert_eq!(ids.collect::<Vec<_>>(), expected, "{offset}");
            let Some(next) = at_offset.next else { continue };
            let after = list(request(50, PageStart::Cursor(next))).await.unwrap();
            let next_offset = PageStart::Offset(offset + 50);
            let expected = list(request(50, next_offset)).await.unwrap();
            assert_eq!(after.items, expected.items, "{offset}");
        }
    });
}

/// Queues `count` devices of workspace 1, which must exist, in entries of `size` each.
fn queue(store: &TestStore, count: usize, size: usize) {
    store.database.execute(&format!(
        "INSERT INTO search_queue (workspace_id, device_ids, user_ids, identifiers, documents)
         SELECT 1, array_agg(id ORDER BY id), array_agg(NULL::bigint),
                array_agg('SN-' || id ORDER BY id),
                array_agg(array_to_tsvector(ARRAY['waiting', 'number' || id]) ORDER BY id)
         FROM generate_series(1, {count}) AS id GROUP BY (id - 1) / {size}
         ORDER BY (id - 1) / {size}"
    ));
}

#[test]
fn large_backlog_is_searched_completely() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        fill(&store, acme.workspace, 60_000).await;
        store
            .database
            .execute("DELETE FROM search_documents WHERE device_id > 1000");
        queue(&store, 60_000, 1_000);
        for (text, total) in [
            ("number59999", Total::exact(1)),
            ("number1001", Total::exact(11)),
            // An indexed device is found by its row of the index.
            ("waiting number7", Total::exact(1_000)),
            ("number7 all", Total::exact(111)),
            ("sn-5999", Total::exact(11)),
            ("waiting", Total::at_least(2_000)),
            ("number", Total::at_least(2_000)),
        ] {
            let page = acme.list(search(text)).await;
            assert!(page.search_is_complete, "{text}");
            if total.count <= 2_000 {
                assert_eq!(page.total, total, "{text}");
            }
        }
        let page = acme.list(search("number")).await;
        assert_eq!(page.items[0].device.id.0, 60_000);
    });
}

#[test]
fn search_states_that_it_left_out_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        fill(&store, acme.workspace, 50_100).await;
        store.database.execute("DELETE FROM search_documents");
        // More entries than a search reads: clients sent the devices one by one.
        queue(&store, 50_100, 1);
        let page = acme.list(search("number7")).await;
        assert!(!page.search_is_complete);
        assert!(!page.total.is_exact);
        // Enough of the newest devices match.
        let page = acme.list(search("waiting")).await;
        assert!(page.search_is_complete);
        let newest = page.items.iter().map(|stored| stored.device.id.0);
        assert!(newest.eq((50_001..=50_100).rev()));
        // An export leaves out nothing.
        let exported = acme.devices.list_by_id(search("number7"), None, 10);
        let exported = exported.await.unwrap();
        let ids = exported.iter().map(|stored| stored.device.id.0);
        assert!(ids.eq([7, 70, 71, 72, 73, 74, 75, 76, 77, 78]));
        store.database.execute(
            "INSERT INTO search_documents
             SELECT 1, unnest(device_ids), NULL, unnest(identifiers), false, unnest(documents)
             FROM search_queue WHERE workspace_id = 1;
             DELETE FROM search_queue",
        );
        let page = acme.list(search("number7")).await;
        assert!(page.search_is_complete);
    });
}
