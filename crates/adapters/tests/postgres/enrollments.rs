//! [`EnrollmentRepository`](devices_domain::EnrollmentRepository).

use std::sync::Arc;

use devices_domain::{
    Action, EnrollmentFields, EnrollmentReport, EventFilter, EventRepository, FieldValue,
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
    number: &str,
    status: &str,
) -> (StoredEnrollment, bool) {
    let mut row = RawRow::for_enrollment();
    row.set("status", RawValue::text(status));
    let report = EnrollmentReport {
        serial_number: serial(number),
        fields: EnrollmentFields::from_row(&row, UnknownFields::Reject).unwrap(),
        origin: writer.origin(),
    };
    let enrollments = store.enrollments(writer.workspace);
    enrollments.put(Arc::new(report)).await.unwrap()
}

async fn linked(
    store: &TestStore,
    writer: &Writer,
    linked: Option<bool>,
) -> Vec<(i64, Option<i64>)> {
    let paging = PageRequest {
        limit: 100,
        start: PageStart::Offset(0),
    };
    let page = store
        .enrollments(writer.workspace)
        .list(linked, paging)
        .await
        .unwrap();
    let ids = page.items.iter().map(|stored| {
        let device = stored.device_id.map(|device| device.0);
        (stored.enrollment.id.0, device)
    });
    ids.collect()
}

#[test]
fn a_report_replaces_the_one_before_whatever_the_case_and_older_ones_beside_it() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        store.database.execute(
            "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status, created_at)
             VALUES (1, 'sn1', 'SN1', 'FAILED', '2026-01-01'), (1, 'sn1', 'SN1', 'DRAFT', '2026-01-02')",
        );
        let (stored, is_new) = put(&store, &acme, "Sn1", "ENROLLED").await;
        assert_eq!((stored.enrollment.id.0, is_new), (2, false));
        assert_eq!(stored.serial_number.as_str(), "Sn1");
        assert_eq!(linked(&store, &acme, None).await, [(2, None)]);
        let (again, _) = put(&store, &acme, "Sn1", "ENROLLED").await;
        assert_eq!(again, stored);
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
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    event.action,
                    event.enrollment_id.unwrap().0,
                    event.fields.join(" "),
                )
            })
            .collect();
        // What changes nothing is not told.
        assert_eq!(
            told,
            [
                (Action::Updated, 2, "serial_number status".to_owned()),
                (Action::Deleted, 2, String::new()),
                (Action::Created, 3, String::new()),
            ]
        );
    });
}

#[test]
fn reports_of_a_serial_number_at_once_are_one_enrolment() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        for round in 0..10 {
            let number = format!("SN-{round}");
            let reports = ["PENDING", "ENROLLED"].map(|status| {
                let (store, acme, number) = (Arc::clone(&store), acme.clone(), number.clone());
                tokio::spawn(async move { put(&store, &acme, &number, status).await.1 })
            });
            let mut new = 0;
            for report in reports {
                new += usize::from(report.await.unwrap());
            }
            assert_eq!(new, 1);
            assert_eq!(linked(&store, &acme, None).await.len(), round + 1);
        }
    });
}

#[test]
fn an_enrolment_and_a_device_that_come_at_once_find_each_other() {
    block_on(async {
        let store = Arc::new(TestStore::new());
        let acme = store.writer("acme").await;
        for round in 0..20 {
            let number = format!("SN-{round}");
            let report = {
                let (store, acme, number) = (Arc::clone(&store), acme.clone(), number.clone());
                tokio::spawn(async move { put(&store, &acme, &number, "ENROLLED").await })
            };
            let row = device(&[("serial_number", Box::leak(number.into_boxed_str()))]);
            let created = acme.create(vec![row]).await.unwrap();
            let (reported, _) = report.await.unwrap();
            let read = acme.devices.find(created[0].id).await.unwrap().unwrap();
            let shown = read.device.enrollment.map(|enrollment| enrollment.id);
            assert_eq!(shown, Some(reported.enrollment.id));
        }
        assert_eq!(linked(&store, &acme, Some(true)).await.len(), 20);
        assert_eq!(linked(&store, &acme, Some(false)).await, []);
        let deleted = acme.devices.delete(
            devices_domain::DeviceId(1),
            Precondition::Any,
            acme.origin(),
        );
        let deleted = deleted.await.unwrap();
        assert_eq!(deleted.device.enrollment, None);
        assert_eq!(linked(&store, &acme, Some(false)).await, [(1, None)]);
    });
}
