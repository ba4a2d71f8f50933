//! Lists of devices.

use std::collections::BTreeSet;

use devices_domain::{ClientStatus, DeviceFilter, Lifecycle, Precondition, RawValue, StatusInputs};

use crate::{TestStore, block_on, device_of};

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
