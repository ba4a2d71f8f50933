//! [`EnrollmentRepository`](devices_domain::EnrollmentRepository).

use std::sync::Arc;

use devices_domain::{
    Action, DeviceId, EnrollmentFields, EnrollmentReport, EventFilter, EventRepository, FieldValue,
    PageRequest, PageStart, Precondition, RawRow, RawValue, SerialNumber, StoredEnrollment,
    UnknownFields,
};

use crate::{TestStore, Writer, block_on, device};

fn serial(text: &str) -> SerialNumber {
    SerialNumber::parse(&RawValue::text(text)).unwrap()
}

async fn put(
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
    let page = PageRequest {
        limit: 100,
        start: PageStart::Offset(0),
    };
    let page = store
        .enrollments(writer.workspace)
        .list(linked, page)
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
        let deleted = enrollments
            .delete(serial("SN1"), acme.origin())
            .await
            .unwrap();
        assert_eq!(deleted, Some(stored));
        let deleted = enrollments
            .delete(serial("SN1"), acme.origin())
            .await
            .unwrap();
        assert_eq!(deleted, None);
        let (_, is_new) = put(&store, &acme, "SN1", "PENDING").await;
        assert!(is_new);
        let events = store
            .events()
            .list(acme.workspace, EventFilter::default())
            .await
            .unwrap();
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
        }
        assert_eq!(list(&store, &acme, Some(true)).await.len(), 20);
        assert_eq!(list(&store, &acme, Some(false)).await, []);
        let first = DeviceId(1);
        let deleted = acme.devices.delete(first, Precondition::Any, acme.origin());
        let deleted = deleted.await.unwrap();
        assert_eq!(deleted.device.enrollment, None);
        assert_eq!(list(&store, &acme, Some(false)).await, [(1, None)]);
    });
}
