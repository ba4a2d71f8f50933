//! Search and the search index.

use std::sync::Arc;

use devices_domain::{
    DeviceFilter, Precondition, RawRow, RawValue, Search, SearchDocument, SearchIndex, SearchWord,
    UnknownFields, UserChange, UserId, UserPatch,
};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;

use crate::{TestStore, Writer, block_on, device, device_of, statements};

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

#[derive(diesel::QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[diesel(column_name = "QUERY PLAN")]
    text: String,
}

/// Returns the search statement that starts with `start` and has this number of parameters.
fn search_statement(start: &str, parameters: usize) -> String {
    let sent = statements::containing("searchable_devices")
        .into_iter()
        .find(|statement| {
            statement.starts_with(start)
                && statement.contains(&format!("${parameters}"))
                && !statement.contains(&format!("${}", parameters + 1))
        });
    sent.unwrap_or_else(|| panic!("no statement `{start} ...` with {parameters} parameters"))
}

/// Returns the lines of the plan of a statement for these parameters.
fn explain(store: &TestStore, statement: &str, parameters: &str) -> Vec<String> {
    let mut connection = store.database.connect();
    connection
        .batch_execute("SET plan_cache_mode = force_custom_plan")
        .unwrap();
    connection
        .batch_execute(&format!("PREPARE search AS {statement}"))
        .unwrap();
    let plan: Vec<PlanLine> = diesel::sql_query(format!("EXPLAIN EXECUTE search ({parameters})"))
        .load(&mut connection)
        .unwrap();
    plan.into_iter().map(|line| line.text).collect()
}

#[test]
fn search_in_a_large_workspace_uses_the_index() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.user(acme.workspace, "ada@example.com").await;
        store.database.execute(
            "INSERT INTO devices (workspace_id, name, type, category, brand, serial_number,
                                  serial_number_folded, comment, is_rented, compliance,
                                  connection_type)
             SELECT 1, 'Laptop ' || n, 'laptop', 'computers', 'Brand ' || n % 100, 'SN-' || n,
                    'SN-' || n, repeat('remark ', 40), false, '{}', '{}'
             FROM generate_series(1, 30000) AS n;
             INSERT INTO search_documents (workspace_id, device_id, user_id, identifiers,
                                           is_archived, document)
             SELECT workspace_id, id, user_id, serial_number_folded, false,
                    array_to_tsvector(ARRAY['laptop', 'computers', 'brand', 'remark', 'sn', '-',
                                            split_part(name, ' ', 2)])
             FROM devices",
        );
        // Moves the new entries of the index from its pending list, as autovacuum does in time.
        store.database.execute("VACUUM ANALYZE");
        acme.create(vec![device(&[("name", "Waiting")])])
            .await
            .unwrap();
        for text in ["29999", "sn-2999", "laptop 2999 ada"] {
            acme.list(search(text)).await;
            // Parameters: the workspace; for each term, its words and its pattern; all words; then,
            // for a page, its limit and its offset.
            let mut parameters = vec!["1".to_owned()];
            for term in Search::parse(text).unwrap().unwrap().terms() {
                let lexemes = term.words().iter().flat_map(SearchWord::lexemes);
                parameters.extend(lexemes.map(|lexeme| format!("'{lexeme}:*'")));
                parameters.extend(term.identifier().map(|text| format!("'%{text}%'")));
            }
            let count = search_statement("SELECT count(*)", parameters.len());
            let count_parameters = parameters.join(", ");
            parameters.push("'laptop:*'".to_owned());
            let page = search_statement("SELECT id, rank", parameters.len() + 2);
            let page_parameters = format!("{}, 51, 0", parameters.join(", "));
            for (statement, parameters) in [(count, count_parameters), (page, page_parameters)] {
                let plan = explain(&store, &statement, &parameters);
                let contains = |text: &str| plan.iter().any(|line| line.contains(text));
                let has_seq_scan =
                    contains("Seq Scan on devices") || contains("Seq Scan on search_documents ");
                assert!(!has_seq_scan, "{text}: {plan:#?}");
                assert!(contains("search_documents_idx"), "{text}: {plan:#?}");
            }
        }
    });
}
