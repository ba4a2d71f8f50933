//! Reading and changing devices: [`DeviceRepository`](devices_domain::DeviceRepository).

use std::collections::BTreeSet;
use std::sync::Arc;

use devices_domain::{
    ChangeDeviceError, ClientStatus, DeviceChange, DeviceFilter, DeviceId, DevicePatch, Lifecycle,
    Page, PageRequest, PageStart, Precondition, RawRow, RawValue, Search, StatusInputs,
    StoredDevice, UnknownFields, UserId,
};
use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;

use crate::{TestStore, Writer, block_on, device, device_of, statements};

fn patch<'a>(fields: impl IntoIterator<Item = (&'static str, RawValue<'a>)>) -> DevicePatch {
    let mut row = RawRow::for_device();
    for (name, value) in fields {
        row.set(name, value);
    }
    DevicePatch::from_row(&row, UnknownFields::Reject).unwrap()
}

impl Writer {
    async fn update<'a>(
        &self,
        device: i64,
        fields: impl IntoIterator<Item = (&'static str, RawValue<'a>)>,
        expected: Precondition,
    ) -> Result<StoredDevice, ChangeDeviceError> {
        let change = DeviceChange {
            device: DeviceId(device),
            patch: patch(fields),
            precondition: expected,
            origin: self.origin(),
        };
        self.devices.update(Arc::new(change)).await
    }

    async fn page(&self, filter: DeviceFilter) -> Page<StoredDevice> {
        let paging = PageRequest {
            limit: 100,
            start: PageStart::Offset(0),
        };
        self.devices.list(filter, paging).await.unwrap()
    }

    async fn ids(&self, filter: DeviceFilter) -> Vec<i64> {
        let page = self.page(filter).await;
        assert_eq!(page.total as usize, page.items.len());
        page.items.iter().map(|stored| stored.device.id.0).collect()
    }
}

fn searching(text: &str) -> DeviceFilter {
    DeviceFilter {
        search: Search::parse(text).unwrap(),
        ..DeviceFilter::default()
    }
}

#[test]
fn devices_that_are_found_by_a_status_are_those_that_have_it_whatever_they_stand() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let mut all = Vec::new();
        for is_archived in [false, true] {
            for lifecycle in [
                None,
                Some(Lifecycle::InMaintenance),
                Some(Lifecycle::OutOfService),
            ] {
                for is_assigned in [false, true] {
                    all.push(StatusInputs {
                        is_archived,
                        lifecycle,
                        is_assigned,
                    });
                }
            }
        }
        let mut expected = Vec::new();
        for standing in &all {
            let user = standing.is_assigned.then_some(RawValue::Integer(user.0));
            let lifecycle = standing.lifecycle.map(|word| RawValue::text(word.as_str()));
            let fields = [("user_id", user), ("lifecycle", lifecycle)];
            let fields = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            let created = acme.create(vec![device_of(fields)]).await.unwrap();
            let id = created[0].id;
            if standing.is_archived {
                let deleted = acme.devices.delete(id, Precondition::Any, acme.origin());
                deleted.await.unwrap();
            }
            let read = acme.devices.find(id).await.unwrap().unwrap();
            assert_eq!(read.client_status(), ClientStatus::of(*standing));
            expected.push((ClientStatus::of(*standing), id.0));
        }
        let mut seen = BTreeSet::new();
        for status in ClientStatus::ALL {
            let filter = DeviceFilter {
                client_status: Some(*status),
                ..DeviceFilter::default()
            };
            let mut found = acme.ids(filter).await;
            found.reverse();
            let with_it = expected.iter().filter(|(computed, _)| computed == status);
            let with_it: Vec<_> = with_it.map(|(_, id)| *id).collect();
            assert_eq!(found, with_it, "{status:?}");
            seen.extend(found);
        }
        assert_eq!(seen.len(), all.len());
        // Without a wish, all but archived ones.
        let found = acme.page(DeviceFilter::default()).await.items;
        assert!(
            found
                .iter()
                .all(|stored| stored.client_status() != ClientStatus::Archived)
        );
        assert_eq!(found.len(), all.len() / 2);
    });
}

#[test]
fn what_is_written_is_read_again_in_every_field() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let mut row = RawRow::for_device();
        for field in devices_domain::fields() {
            let value = match field.format() {
                devices_domain::Format::OneOf(words) => RawValue::text(words[0]),
                devices_domain::Format::Boolean => RawValue::Boolean(true),
                devices_domain::Format::Id => RawValue::Integer(user.0),
                devices_domain::Format::Email => RawValue::text("ADA@example.com"),
                devices_domain::Format::Amount => RawValue::text("999999999999.99"),
                devices_domain::Format::Date => RawValue::text("2024-02-29"),
                devices_domain::Format::SerialNumber => RawValue::text("sn ab-12"),
                devices_domain::Format::TextList { .. } => RawValue::List(vec![
                    RawValue::text("a,b"),
                    RawValue::text("NULL"),
                    RawValue::text("{}"),
                ]),
                _ => RawValue::text(format!("Ün \"{}\" 🖥", field.name())),
            };
            row.set(field.name(), value);
        }
        let new = devices_domain::NewDevice::from_row(&row).unwrap();
        let created = acme.create(vec![new.clone(), device(&[])]).await.unwrap();
        let read = acme.devices.find(created[0].id).await.unwrap().unwrap();
        assert_eq!(read.device.fields, new.fields);
        let assignee = read.assignee.unwrap();
        assert_eq!(
            (assignee.id, assignee.email.as_str()),
            (user, "ada@example.com")
        );
        assert_eq!(read.created_at, read.updated_at);
        let read = acme.devices.find(created[1].id).await.unwrap().unwrap();
        assert_eq!(read.device.fields, device(&[]).fields);
        assert_eq!(read.assignee, None);
    });
}

#[test]
fn patches_of_different_fields_at_once_lose_nothing_and_each_is_later_than_the_one_before() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        let names = ["brand", "comment", "ram", "storage", "color", "processor"];
        let patches = names.map(|name| {
            let acme = acme.clone();
            tokio::spawn(async move {
                let mut revisions = Vec::new();
                for round in 0..10 {
                    let value = RawValue::text(format!("{name} {round}"));
                    let updated = acme.update(1, [(name, value)], Precondition::Any).await;
                    revisions.push(updated.unwrap().revision().0);
                }
                revisions
            })
        });
        let mut revisions = Vec::new();
        for patch in patches {
            revisions.extend(patch.await.unwrap());
        }
        let different: BTreeSet<_> = revisions.iter().collect();
        assert_eq!(different.len(), 60);
        let read = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
        let row = read.device.fields.to_row();
        for name in names {
            assert_eq!(row.get(name), &RawValue::text(format!("{name} 9")));
        }
        assert_eq!(Some(&read.revision().0), different.last().copied());
        let events = "SELECT count(*) FROM device_events WHERE action = 'UPDATED'";
        assert_eq!(store.database.texts(events), ["60"]);
    });
}

#[test]
fn of_changes_that_expect_the_same_state_one_is_made() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        for round in 0..10 {
            let read = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
            let expected = Precondition::AnyOf(vec![read.revision()]);
            let changes = ["one", "other"].map(|name| {
                let (acme, expected) = (acme.clone(), expected.clone());
                let value = RawValue::text(format!("{name} {round}"));
                tokio::spawn(async move { acme.update(1, [("brand", value)], expected).await })
            });
            let mut made = 0;
            for change in changes {
                match change.await.unwrap() {
                    Ok(_) => made += 1,
                    Err(error) => assert!(matches!(error, ChangeDeviceError::PreconditionFailed)),
                }
            }
            assert_eq!(made, 1);
        }
    });
}

#[test]
fn a_serial_number_that_two_patches_take_at_once_goes_to_one() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        for round in 0..10 {
            let changes = [1, 2].map(|id| {
                let acme = acme.clone();
                let value = RawValue::text(format!("SN-{round}"));
                tokio::spawn(async move {
                    acme.update(id, [("serial_number", value)], Precondition::Any)
                        .await
                })
            });
            let mut made = 0;
            for change in changes {
                match change.await.unwrap() {
                    Ok(_) => made += 1,
                    Err(ChangeDeviceError::Rejected(objections)) => {
                        assert_eq!(objections.conflicts.taken_serial_numbers.len(), 1);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(made, 1, "round {round}");
        }
    });
}

#[test]
fn a_patch_that_changes_nothing_leaves_no_trace() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[("brand", "Dell")])])
            .await
            .unwrap();
        let before = acme.devices.find(DeviceId(1)).await.unwrap().unwrap();
        let same = [("brand", RawValue::text("Dell")), ("ram", RawValue::Null)];
        let after = acme.update(1, same, Precondition::Any).await.unwrap();
        assert_eq!(after, before);
        assert_eq!(store.database.count("device_events"), 1);
    });
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
