//! The search index.

use std::sync::Arc;

use devices_domain::{DeviceFilter, Precondition, RawRow, RawValue, Search, UnknownFields, UserId};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;

use crate::{TestStore, Writer, block_on, device, device_of, statements};

fn searching(text: &str) -> DeviceFilter {
    DeviceFilter {
        search: Search::parse(text).unwrap(),
        ..DeviceFilter::default()
    }
}

#[test]
fn devices_are_found_alike_before_and_after_they_were_indexed() {
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
        for round in ["waiting", "two are indexed", "all are", "nothing waits"] {
            for (text, found) in &searches {
                assert_eq!(&acme.ids(searching(text)).await, found, "{round}: {text}");
            }
            let waiting = devices_adapters::postgres::index_queued_devices(&store.pool, 2);
            waiting.await.unwrap();
        }
        assert_eq!(store.database.count("device_search"), 4);
        assert_eq!(store.database.count("device_search_queue"), 0);
    });
}

#[test]
fn what_a_device_is_found_by_is_what_it_is_after_every_change_whoever_indexes_it_meanwhile() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for round in 0..10 {
            let created = acme
                .create(vec![device(&[("name", "Before")])])
                .await
                .unwrap();
            let id = created[0].id.0;
            let pool = store.pool.clone();
            let index = tokio::spawn(async move {
                devices_adapters::postgres::index_queued_devices(&pool, 10).await
            });
            let name = [("name", RawValue::text(format!("After{round}")))];
            acme.update(id, name, Precondition::Any).await.unwrap();
            index.await.unwrap().unwrap();
            assert_eq!(acme.ids(searching(&format!("after{round}"))).await, [id]);
        }
        assert_eq!(acme.ids(searching("before")).await, Vec::<i64>::new());
    });
}

#[test]
fn an_assignee_who_is_renamed_is_found_by_the_new_name_at_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        acme.create(vec![device_of([("user_id", RawValue::Integer(user.0))])])
            .await
            .unwrap();
        devices_adapters::postgres::index_queued_devices(&store.pool, 2)
            .await
            .unwrap();
        rename(&store, &acme, user, "Grâce").await;
        assert_eq!(acme.ids(searching("grace")).await, [1]);
        rename(&store, &acme, user, "Alan").await;
        assert_eq!(acme.ids(searching("grace")).await, Vec::<i64>::new());
        assert_eq!(acme.ids(searching("alan exam")).await, [1]);
    });
}

async fn rename(store: &TestStore, writer: &Writer, user: UserId, name: &str) {
    let mut row = RawRow::for_user();
    row.set("first_name", RawValue::text(name));
    let change = devices_domain::UserChange {
        user,
        patch: devices_domain::UserPatch::from_row(&row, UnknownFields::Reject).unwrap(),
        origin: writer.origin(),
    };
    let users = store.users(writer.workspace);
    users.update(Arc::new(change)).await.unwrap();
}

#[derive(diesel::QueryableByName)]
struct AccessLogEntry {
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[diesel(column_name = "QUERY PLAN")]
    plan: String,
}

/// The statement that was sent to search, by how it begins and how many values it takes.
fn statement(begin: &str, values: usize) -> String {
    let sent = statements::containing("device_documents")
        .into_iter()
        .find(|statement| {
            statement.starts_with(begin)
                && statement.contains(&format!("${values}"))
                && !statement.contains(&format!("${}", values + 1))
        });
    sent.unwrap_or_else(|| panic!("{begin}"))
}

#[test]
fn a_search_in_a_large_workspace_reads_no_table_from_its_beginning_to_its_end() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.user(acme.workspace, "ada@example.com").await;
        store.database.execute(
            "INSERT INTO devices (workspace_id, name, type, category, brand, serial_number,
                                  serial_number_folded, comment, is_rented, compliance, connection_type)
             SELECT 1, 'Laptop ' || n, 'laptop', 'computers', 'Brand ' || n % 100, 'SN-' || n, 'SN-' || n,
                    repeat('remark ', 40), false, '{}', '{}' FROM generate_series(1, 30000) AS n;
             INSERT INTO device_search (workspace_id, device_id, user_id, serial_number_folded, is_archived,
                                        document)
             SELECT workspace_id, id, user_id, serial_number_folded, false,
                    device_document(devices) FROM devices",
        );
        // As autovacuum does it in time: until then what is new in the index waits in a list.
        store.database.execute("VACUUM ANALYZE");
        acme.create(vec![device(&[("name", "Waiting")])])
            .await
            .unwrap();
        for text in ["29999", "sn-2999", "laptop 2999 ada"] {
            acme.page(searching(text)).await;
            // The workspace, and words and their pattern each; the limit and the offset of a page.
            let mut values = vec!["1".to_owned()];
            for piece in text.split(' ') {
                let words = piece.split('-').map(|word| format!("'{word}'"));
                values.extend(words);
                values.push(format!("'%{}%'", piece.to_uppercase()));
            }
            let of_count = values.join(", ");
            let of_page = format!("{of_count}, 51, 0");
            let count = statement("SELECT count(*)", values.len());
            let page = statement("SELECT id, rank", values.len() + 2);
            for (statement, values) in [(count, of_count), (page, of_page)] {
                let mut connection = store.database.connect();
                let prepare = format!("PREPARE sent AS {statement}");
                connection
                    .batch_execute("SET plan_cache_mode = force_custom_plan")
                    .unwrap();
                connection.batch_execute(&prepare).unwrap();
                let explain = format!("EXPLAIN EXECUTE sent ({values})");
                let plan: Vec<AccessLogEntry> =
                    diesel::sql_query(explain).load(&mut connection).unwrap();
                let plan: Vec<_> = plan.into_iter().map(|line| line.plan).collect();
                let scans = |table: &str| {
                    let scan = format!("Seq Scan on {table}");
                    plan.iter().any(|line| line.contains(&scan))
                };
                assert!(
                    !scans("devices") && !scans("device_search "),
                    "{text}: {plan:#?}"
                );
                assert!(
                    plan.iter().any(|line| line.contains("device_search_idx")),
                    "{plan:#?}"
                );
            }
        }
    });
}
