//! [`EnrollmentRepository`](devices_domain::EnrollmentRepository).

use std::sync::Arc;

use devices_domain::{
    Action, EnrollmentFields, EnrollmentFilter, EnrollmentReport, FieldValue, IdentifierKey,
    PageRequest, PageStart, Precondition, RawRow, RawValue, SerialNumber, StoredEnrollment,
    UnknownFields,
};

use crate::{TestStore, Writer, block_on, device};

fn serial(text: &str) -> SerialNumber {
    SerialNumber::parse(&RawValue::text(text)).unwrap()
}

fn key(text: &str) -> IdentifierKey {
    IdentifierKey::new(text)
}

pub(crate) async fn put(
    store: &TestStore,
    writer: &Writer,
    serial_number: &str,
    status: &str,
) -> (StoredEnrollment, bool) {
    let mut row = RawRow::for_enrollment();
    row.set("status", RawValue::text(status));
    let report = EnrollmentReport {
        serial_number: serial(serial_number),
        fields: EnrollmentFields::from_row(&row, UnknownFields::Reject).unwrap(),
        origin: writer.origin(),
    };
    let enrollments = store.enrollments(writer.workspace);
    enrollments.put(Arc::new(report)).await.unwrap()
}

/// Lists the ids of enrolments with those of their devices.
async fn list(store: &TestStore, writer: &Writer, linked: Option<bool>) -> Vec<(i64, Option<i64>)> {
    let filter = EnrollmentFilter {
        linked,
        ..EnrollmentFilter::default()
    };
    list_matching(store, writer, filter).await
}

/// Lists the ids of the enrolments that match a filter, with those of their devices.
async fn list_matching(
    store: &TestStore,
    writer: &Writer,
    filter: EnrollmentFilter,
) -> Vec<(i64, Option<i64>)> {
    let page = PageRequest {
        limit: 100,
        start: PageStart::Offset(0),
    };
    let page = store
        .enrollments(writer.workspace)
        .list(filter, page)
        .await
        .unwrap();
    let ids = page.items.iter().map(|stored| {
        let device = stored.device_id.map(|device| device.0);
        (stored.enrollment.id.0, device)
    });
    ids.collect()
}

#[test]
fn report_replaces_all_earlier_enrolments() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(
            "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status,
                                      created_at)
             VALUES (1, 'sn1', 'SN1', 'FAILED', '2026-01-01'),
                    (1, 'sn1', 'SN1', 'DRAFT', '2026-01-02')",
        );
        let (stored, is_new) = put(&store, &acme, "Sn1", "ENROLLED").await;
        assert_eq!((stored.enrollment.id.0, is_new), (2, false));
        assert_eq!(stored.serial_number.as_str(), "Sn1");
        assert_eq!(list(&store, &acme, None).await, [(2, None)]);
        let (unchanged, _) = put(&store, &acme, "Sn1", "ENROLLED").await;
        assert_eq!(unchanged, stored);
        let enrollments = store.enrollments(acme.workspace);
        let deleted = enrollments.delete(key("SN1"), acme.origin()).await.unwrap();
        assert_eq!(deleted, Some(stored));
        let deleted = enrollments.delete(key("SN1"), acme.origin()).await.unwrap();
        assert_eq!(deleted, None);
        let (_, is_new) = put(&store, &acme, "SN1", "PENDING").await;
        assert!(is_new);
        let events = store.request_events(acme.workspace).await;
        let events: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    event.action,
                    event.enrollment_id.unwrap().0,
                    event.fields.join(" "),
                )
            })
            .collect();
        // A report that changes nothing writes no event.
        assert_eq!(
            events,
            [
                (Action::Updated, 2, "serial_number status".to_owned()),
                (Action::Deleted, 2, String::new()),
                (Action::Created, 3, String::new()),
            ]
        );
    });
}

#[test]
fn concurrent_reports_create_one_enrolment() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        for round in 0..10 {
            let serial_number = format!("SN-{round}");
            let reports = ["PENDING", "ENROLLED"].map(|status| {
                let (store, acme) = (Arc::clone(&store), acme.clone());
                let serial_number = serial_number.clone();
                tokio::spawn(async move { put(&store, &acme, &serial_number, status).await.1 })
            });
            let mut created = 0;
            for report in reports {
                created += usize::from(report.await.unwrap());
            }
            assert_eq!(created, 1);
            assert_eq!(list(&store, &acme, None).await.len(), round + 1);
        }
    });
}

#[test]
fn concurrent_enrolment_and_device_are_linked() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        let mut devices = Vec::new();
        for round in 0..20 {
            let serial_number = format!("SN-{round}");
            let report = {
                let (store, acme) = (Arc::clone(&store), acme.clone());
                let serial_number = serial_number.clone();
                tokio::spawn(async move { put(&store, &acme, &serial_number, "ENROLLED").await })
            };
            let new = device(&[("serial_number", Box::leak(serial_number.into_boxed_str()))]);
            let created = acme.create(vec![new]).await.unwrap();
            let (reported, _) = report.await.unwrap();
            let stored = acme.devices.find(created[0].id).await.unwrap().unwrap();
            let linked = stored.device.enrollment.map(|enrollment| enrollment.id);
            assert_eq!(linked, Some(reported.enrollment.id));
            devices.push(created[0].id);
        }
        assert_eq!(list(&store, &acme, Some(true)).await.len(), 20);
        assert_eq!(list(&store, &acme, Some(false)).await, []);
        let deleted = acme
            .devices
            .delete(devices[0], Precondition::Any, acme.origin());
        let deleted = deleted.await.unwrap();
        assert_eq!(deleted.device.enrollment, None);
        assert_eq!(list(&store, &acme, Some(false)).await, [(1, None)]);
    });
}

/// Returns the times of change of all enrolments, deleted ones included, by id.
fn updated_at(store: &TestStore) -> Vec<String> {
    store
        .database
        .texts("SELECT updated_at FROM devices_mdm ORDER BY id")
}

#[test]
fn only_changes_raise_updated_at() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        put(&store, &acme, "SN1", "PENDING").await;
        put(&store, &acme, "SN2", "PENDING").await;
        let created = updated_at(&store);
        let versions = || {
            store
                .database
                .texts("SELECT xmin FROM devices_mdm ORDER BY id")
        };
        let unwritten = versions();
        put(&store, &acme, "SN1", "PENDING").await;
        assert_eq!(updated_at(&store), created);
        assert_eq!(versions(), unwritten);
        // A clock that was set back does not lower the time.
        store
            .database
            .execute("UPDATE devices_mdm SET updated_at = '2100-01-01' WHERE id = 1");
        for (serial_number, status) in [("SN1", "ENROLLED"), ("sn1", "ENROLLED")] {
            let before = updated_at(&store);
            put(&store, &acme, serial_number, status).await;
            let after = updated_at(&store);
            assert!(after[0] > before[0], "{before:?} {after:?}");
            assert_eq!(after[1], created[1]);
        }
        // A device is no change of its enrolment.
        let before = updated_at(&store);
        acme.create(vec![device(&[("serial_number", "SN2")])])
            .await
            .unwrap();
        assert_eq!(updated_at(&store), before);
    });
}

#[test]
fn filters_select_enrolments_together() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        for serial_number in ["SN1", "SN2", "SN3"] {
            put(&store, &acme, serial_number, "ENROLLED").await;
        }
        put(&store, &globex, "SN1", "ENROLLED").await;
        let created = acme.create(vec![device(&[("serial_number", "SN2")])]).await;
        let device_id = created.unwrap()[0].id.0;
        store.database.execute(
            "UPDATE devices_mdm SET updated_at = '2026-01-01T00:00:00Z';
             UPDATE devices_mdm SET updated_at = '2026-01-02T00:00:00Z' WHERE id = 2",
        );
        let since = |text: &str| Some(text.parse().unwrap());
        let filter = EnrollmentFilter::default;
        for (filter, expected) in [
            (filter(), vec![(3, None), (2, Some(device_id)), (1, None)]),
            (
                EnrollmentFilter {
                    serial_number: Some(key("sn1")),
                    ..filter()
                },
                vec![(1, None)],
            ),
            (
                EnrollmentFilter {
                    serial_number: Some(key("S\0N")),
                    ..filter()
                },
                vec![],
            ),
            (
                EnrollmentFilter {
                    updated_since: since("2026-01-02T00:00:00Z"),
                    ..filter()
                },
                vec![(2, Some(device_id))],
            ),
            (
                EnrollmentFilter {
                    updated_since: since("2026-01-02T00:00:00.000001Z"),
                    ..filter()
                },
                vec![],
            ),
            (
                EnrollmentFilter {
                    linked: Some(false),
                    serial_number: Some(key("SN2")),
                    updated_since: since("2026-01-02T00:00:00Z"),
                },
                vec![],
            ),
            (
                EnrollmentFilter {
                    linked: Some(true),
                    serial_number: Some(key("SN2")),
                    updated_since: since("2026-01-02T00:00:00Z"),
                },
                vec![(2, Some(device_id))],
            ),
        ] {
            let case = format!("{filter:?}");
            let listed = list_matching(&store, &acme, filter).await;
            assert_eq!(listed, expected, "{case}");
        }
    });
}

#[test]
fn newest_enrolment_is_found_by_any_spelling() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        store.database.execute(
            "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status,
                                      created_at)
             VALUES (1, 'sn1', 'SN1', 'FAILED', '2026-01-02'),
                    (1, 'sn1', 'SN1', 'DRAFT', '2026-01-03'),
                    (1, 'sn1', 'SN1', 'PENDING', '2026-01-01'),
                    (1, 'n/a', 'N/A', 'PENDING', '2026-01-01')",
        );
        let find = async |writer: &Writer, text: &str| {
            let enrollments = store.enrollments(writer.workspace);
            let found = enrollments.find(key(text)).await.unwrap();
            found.map(|stored| stored.enrollment.id.0)
        };
        for text in ["SN1", " sn1", "ＳＮ1"] {
            assert_eq!(find(&acme, text).await, Some(2), "{text}");
            assert_eq!(find(&globex, text).await, None);
        }
        // An earlier version stored it. Now it is a placeholder.
        assert_eq!(find(&acme, "N/A").await, Some(4));
        let enrollments = store.enrollments(acme.workspace);
        let deleted = enrollments.delete(key("N/A"), acme.origin()).await;
        assert!(deleted.unwrap().is_some());
        for text in ["N/A", "SN2", "S\0N1", ""] {
            assert_eq!(find(&acme, text).await, None, "{text}");
            let deleted = enrollments.delete(key(text), acme.origin()).await;
            assert_eq!(deleted.unwrap(), None, "{text}");
        }
    });
}
