//! Lists of devices.

use std::collections::BTreeSet;

use devices_domain::{
    ClientStatus, DeviceFilter, DeviceId, Lifecycle, PageRequest, PageStart, Precondition,
    RawValue, StatusInputs, Total,
};

use crate::{TestStore, Writer, block_on, device, device_of};

/// Returns all combinations of the inputs of a status.
fn all_status_inputs() -> Vec<StatusInputs> {
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
    all
}

#[test]
fn status_filter_matches_computed_statuses() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let all = all_status_inputs();
        let mut expected = Vec::new();
        for inputs in &all {
            let user = inputs.is_assigned.then_some(RawValue::Integer(user.0));
            let lifecycle = inputs.lifecycle.map(|word| RawValue::text(word.as_str()));
            let fields = [("user_id", user), ("lifecycle", lifecycle)];
            let fields = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            let created = acme.create(vec![device_of(fields)]).await.unwrap();
            let id = created[0].id;
            if inputs.is_archived {
                let deleted = acme.devices.delete(id, Precondition::Any, acme.origin());
                deleted.await.unwrap();
            }
            let stored = acme.devices.find(id).await.unwrap().unwrap();
            assert_eq!(stored.client_status(), ClientStatus::of(*inputs));
            expected.push((ClientStatus::of(*inputs), id.0));
        }
        let mut listed = BTreeSet::new();
        for status in ClientStatus::ALL {
            let filter = DeviceFilter {
                client_status: Some(*status),
                ..DeviceFilter::default()
            };
            let mut ids = acme.list_ids(filter).await;
            ids.reverse();
            let expected_ids: Vec<_> = expected
                .iter()
                .filter(|(computed, _)| computed == status)
                .map(|(_, id)| *id)
                .collect();
            assert_eq!(ids, expected_ids, "{status:?}");
            listed.extend(ids);
        }
        assert_eq!(listed.len(), all.len());
        // Without a filter, all but archived devices are listed.
        let active = acme.list(DeviceFilter::default()).await.items;
        assert!(
            active
                .iter()
                .all(|stored| stored.client_status() != ClientStatus::Archived)
        );
        assert_eq!(active.len(), all.len() / 2);
    });
}

/// Creates `count` devices of a type, in batches.
async fn create_many(writer: &Writer, type_: &'static str, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..count.div_ceil(1_000) {
        let devices = (0..count.min(1_000)).map(|_| device(&[("type", type_)]));
        let created = writer.create(devices.collect()).await.unwrap();
        ids.extend(created.iter().map(|device| device.id.0));
    }
    ids
}

/// Returns the ids of all pages of 100, and the totals of the first page.
pub(super) async fn all_pages(writer: &Writer, filter: &DeviceFilter) -> (Vec<i64>, Total) {
    let (mut ids, mut first_total) = (Vec::new(), None);
    let mut start = PageStart::Offset(0);
    loop {
        let page = PageRequest { limit: 100, start };
        let page = writer.devices.list(filter.clone(), page).await.unwrap();
        ids.extend(page.items.iter().map(|stored| stored.device.id.0));
        first_total.get_or_insert(page.total);
        match page.next {
            Some(cursor) => start = PageStart::Cursor(cursor),
            None => return (ids, first_total.unwrap()),
        }
    }
}

#[test]
fn old_devices_of_a_long_list_are_found() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let plotters = create_many(&acme, "Plotter", 5).await;
        let faxes = create_many(&acme, "Fax", 2_000).await;
        let laptops = create_many(&acme, "Laptop", 11_000).await;
        let of_type = |type_: &str| DeviceFilter {
            type_: Some(type_.to_owned()),
            ..DeviceFilter::default()
        };
        let newest_first = |ids: &[i64]| ids.iter().copied().rev().collect::<Vec<_>>();
        // The changed device is in the index and in the queue.
        acme.delete(DeviceId(faxes[1_500])).await;
        acme.restore(DeviceId(faxes[1_500])).await.unwrap();
        let (ids, total) = all_pages(&acme, &of_type("fax")).await;
        assert_eq!(ids, newest_first(&faxes));
        assert!(!total.is_exact && total.count <= 2_000, "{total:?}");
        let (ids, total) = all_pages(&acme, &of_type("plotter")).await;
        assert_eq!((ids, total), (newest_first(&plotters), Total::exact(5)));
        let (ids, total) = all_pages(&acme, &DeviceFilter::default()).await;
        assert_eq!(
            (ids, total),
            (
                newest_first(&[plotters, faxes, laptops].concat()),
                Total::exact(13_005)
            )
        );
        let skipped = PageRequest {
            limit: 100,
            start: PageStart::Offset(1_950),
        };
        let page = acme.devices.list(of_type("fax"), skipped).await.unwrap();
        assert_eq!((page.items.len(), page.next), (50, None));
    });
}
