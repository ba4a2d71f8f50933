//! Lists of devices.

use std::collections::BTreeSet;

use devices_domain::{ClientStatus, DeviceFilter, Lifecycle, Precondition, RawValue, StatusInputs};

use crate::{TestStore, block_on, device_of};

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
