//! Creation of devices, without conflicts.

use std::time::Duration;

use devices_adapters::postgres::DatabaseOptions;
use devices_domain::{CreateError, Format, NewDevice, RawRow, RawValue, RepositoryError, fields};

use crate::{TestStore, Writer, block_on, device, device_of, options};

#[test]
fn results_are_in_request_order() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let batch = vec![
            device(&[("serial_number", "Z9")]),
            device(&[]),
            device(&[("serial_number", "A1")]),
        ];
        let stored = acme.create(batch).await.unwrap();
        let ids: Vec<_> = stored.iter().map(|device| device.id.0).collect();
        assert_eq!(ids, [1, 2, 3]);
        let by_id = "SELECT coalesce(serial_number, '-') FROM devices ORDER BY id";
        assert_eq!(store.database.texts(by_id), ["Z9", "-", "A1"]);
    });
}

#[test]
fn single_and_batch_inserts_store_the_same() {
    let fields = [
        ("processor", RawValue::text("Ünïcode \\N \"quoted\" 🖥")),
        ("brand", RawValue::text("\\")),
        ("serial_number", RawValue::text("ａｂ12")),
        ("comment", RawValue::text("{a,\"b\"}")),
        ("user_id", RawValue::Integer(1)),
        ("added_via", RawValue::text("ONBOARDING")),
        ("is_rented", RawValue::Boolean(true)),
        ("client_purchase_price", RawValue::text("999999999999.99")),
        ("client_rental_price", RawValue::text("0")),
        ("client_purchase_date", RawValue::text("0002-01-01")),
        ("client_warranty_endDate", RawValue::text("9999-12-31")),
        ("client_rental_startDate", RawValue::text("2024-02-29")),
        ("client_rental_endDate", RawValue::text("2024-02-29")),
        ("lifecycle", RawValue::text("OUT_OF_SERVICE")),
        ("keyboard_layout", RawValue::text("SWISS_QWERTZ")),
        ("has_webcam", RawValue::Boolean(false)),
        (
            "compliance",
            RawValue::List(vec![
                RawValue::text("a,b"),
                RawValue::text("NULL"),
                RawValue::text("{}"),
            ]),
        ),
    ];
    block_on(async {
        let store = TestStore::new();
        for (name, batch_size) in [("one", 1), ("many", 2)] {
            let writer = store.writer(name).await;
            store.database.execute(&format!(
                "INSERT INTO users (workspace_id, id, email, email_folded, search_document) \
                 VALUES ({}, 1, 'a@b', 'a@b', '')",
                writer.workspace
            ));
            let mut batch = vec![device_of(fields.clone())];
            batch.resize_with(batch_size, || device(&[]));
            writer.create(batch).await.unwrap();
        }
        let rows = store.database.texts(
            "SELECT to_jsonb(devices) - 'workspace_id' - 'id' - 'created_at' - 'updated_at'
             FROM devices WHERE serial_number IS NOT NULL",
        );
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0], rows[1]);
        for value in [
            "\"Ünïcode \\\\N \\\"quoted\\\" 🖥\"",
            "\"AB12\"",
            "999999999999.99",
            "\"0002-01-01\"",
            "\"9999-12-31\"",
            "[\"a,b\", \"NULL\", \"{}\"]",
        ] {
            assert!(rows[0].contains(value), "{value} is missing in {}", rows[0]);
        }
    });
}

#[test]
fn every_field_round_trips() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let mut row = RawRow::for_device();
        for field in fields() {
            let value = match field.format() {
                Format::OneOf(words) => RawValue::text(words[0]),
                Format::Boolean => RawValue::Boolean(true),
                Format::Id => RawValue::Integer(user.0),
                Format::Email => RawValue::text("ADA@example.com"),
                Format::Amount => RawValue::text("999999999999.99"),
                Format::Date => RawValue::text("2024-02-29"),
                Format::SerialNumber => RawValue::text("sn ab-12"),
                Format::AssetTag => RawValue::text("it  0042"),
                Format::TextList { .. } => RawValue::List(vec![
                    RawValue::text("a,b"),
                    RawValue::text("NULL"),
                    RawValue::text("{}"),
                ]),
                Format::Attributes { .. } => RawValue::Object(vec![
                    ("Ün \"key\"".into(), RawValue::text("\\ 🖥")),
                    ("another".into(), RawValue::text("{}")),
                ]),
                _ => RawValue::text(format!("Ün \"{}\" 🖥", field.name())),
            };
            row.set(field.name(), value);
        }
        let new = NewDevice::from_row(&row).unwrap();
        let created = acme.create(vec![new.clone(), device(&[])]).await.unwrap();
        let stored = acme.devices.find(created[0].id).await.unwrap().unwrap();
        assert_eq!(stored.device.fields, new.fields);
        let assignee = stored.assignee.unwrap();
        assert_eq!(
            (assignee.id, assignee.email.as_str()),
            (user, "ada@example.com")
        );
        assert_eq!(stored.created_at, stored.updated_at);
        let stored = acme.devices.find(created[1].id).await.unwrap().unwrap();
        assert_eq!(stored.device.fields, device(&[]).fields);
        assert_eq!(stored.assignee, None);
    });
}

#[test]
fn pool_recovers_when_the_database_returns() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.reject_connections();
        let store = store.with_options(DatabaseOptions {
            pool_timeout: Duration::from_millis(200),
            ..options()
        });
        let acme = Writer {
            devices: store.devices(acme.workspace),
            ..acme
        };
        let unavailable = acme.create(vec![device(&[])]).await;
        assert!(
            matches!(
                unavailable,
                Err(CreateError::Repository(RepositoryError::Unavailable(_)))
            ),
            "{unavailable:?}"
        );
        store.database.accept_connections();
        assert_eq!(acme.create(vec![device(&[])]).await.unwrap().len(), 1);
    });
}

#[test]
fn newest_active_enrolment_is_linked() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(
            "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status,
                                      created_at, deleted_at)
             VALUES (1, 'a1', 'A1', 'UNENROLLED', '2026-01-01', NULL),
                    (1, 'A1', 'A1', 'ENROLLED', '2026-01-03', NULL),
                    (1, 'A1', 'A1', 'PENDING', '2026-01-02', NULL),
                    (1, 'A1', 'A1', 'DRAFT', '2026-01-04', NULL),
                    (1, 'A1', 'A1', 'FAILED', '2026-01-05', now())",
        );
        let batch = vec![
            device(&[]),
            device(&[("serial_number", "a1")]),
            device(&[("serial_number", "A2")]),
        ];
        let stored = acme.create(batch).await.unwrap();
        let linked: Vec<_> = stored
            .iter()
            .map(|device| device.enrollment.as_ref().map(|enrollment| enrollment.id.0))
            .collect();
        assert_eq!(linked, [None, Some(2), None]);
    });
}
