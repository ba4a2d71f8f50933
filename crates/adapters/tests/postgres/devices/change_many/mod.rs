//! Changes of many devices, all or none.

mod races;
mod rejections;

use std::sync::Arc;

use devices_domain::{
    BulkAction, BulkChange, BulkChangeError, BulkPreview, BulkResult, ClientStatus, DeviceFilter,
    DeviceId, Lifecycle, RawValue, Reason, RejectedDevice, RejectionReason, Search, StoredDevice,
    Tag,
};

use crate::{TestStore, Writer, block_on, device, device_of};

impl Writer {
    fn bulk_change(&self, devices: &[DeviceId], action: BulkAction) -> Arc<BulkChange> {
        let change = BulkChange::new(devices.iter().copied(), action, self.origin());
        Arc::new(change.unwrap())
    }

    pub(super) async fn change_many(
        &self,
        devices: &[DeviceId],
        action: BulkAction,
    ) -> Result<BulkResult, BulkChangeError> {
        let change = self.bulk_change(devices, action);
        self.devices.change_many(change).await
    }

    async fn preview(&self, devices: &[DeviceId], action: BulkAction) -> BulkPreview {
        let change = self.bulk_change(devices, action);
        self.devices.preview_change_many(change).await.unwrap()
    }

    /// Returns the devices that prevent a change, which the preview has, too.
    async fn rejected(&self, devices: &[DeviceId], action: BulkAction) -> Vec<RejectedDevice> {
        let preview = self.preview(devices, action.clone()).await;
        match self.change_many(devices, action).await {
            Err(BulkChangeError::Rejected(rejected)) => {
                assert_eq!(preview.rejected, rejected);
                rejected
            }
            other => panic!("expected rejected devices, got {other:?}"),
        }
    }

    /// Creates devices with these serial numbers. Returns their ids.
    async fn create_serials(&self, serial_numbers: &[&'static str]) -> Vec<DeviceId> {
        let devices = serial_numbers
            .iter()
            .map(|serial_number| device(&[("serial_number", *serial_number)]));
        let created = self.create(devices.collect()).await.unwrap();
        created.iter().map(|created| created.id).collect()
    }

    async fn find_all(&self, devices: &[DeviceId]) -> Vec<StoredDevice> {
        let mut found = Vec::new();
        for device in devices {
            found.extend(self.devices.find(*device).await.unwrap());
        }
        found
    }
}

impl TestStore {
    /// Returns the events after the creation of devices: action, devices and changed fields.
    fn change_events(&self) -> Vec<String> {
        self.database.texts(
            "SELECT action || ' ' || device_ids::text || fields::text FROM device_events \
             WHERE action <> 'CREATED' AND user_id IS NULL ORDER BY id",
        )
    }

    /// Returns the current number of active devices, as it is recorded.
    fn recorded_devices(&self) -> Vec<String> {
        self.database.texts(
            "SELECT (coalesce((SELECT sum(count) FROM usage_counts WHERE resource = 'devices'), 0) \
                   + coalesce((SELECT sum(change) FROM usage_changes \
                               WHERE resource = 'devices'), 0))::text",
        )
    }
}

fn tag(text: &str) -> Tag {
    Tag::parse(text).unwrap()
}

fn reasons(rejected: &[RejectedDevice]) -> Vec<(i64, Vec<Reason>)> {
    let reasons = rejected.iter().map(|rejected| {
        let errors = match &rejected.reason {
            RejectionReason::Invalid(errors) => errors.as_slice(),
            RejectionReason::NotFound
            | RejectionReason::Archived
            | RejectionReason::ChangedSince => &[],
        };
        let reasons = errors.iter().map(|error| error.reason).collect();
        (rejected.device.0, reasons)
    });
    reasons.collect()
}

/// Devices 3 and 1 are changed, and device 2 has the requested state. Each action is repeated.
#[test]
fn action_changes_devices_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        acme.create_serials(&["C", "B", "A", "D"]).await;
        let in_maintenance = BulkAction::SetLifecycle(Some(Lifecycle::InMaintenance));
        let actions = [
            (BulkAction::Assign(Some(user)), "UPDATED {3,1}{user_id}"),
            (BulkAction::Assign(None), "UPDATED {3,1}{user_id}"),
            (in_maintenance, "UPDATED {3,1}{lifecycle}"),
            (BulkAction::SetLifecycle(None), "UPDATED {3,1}{lifecycle}"),
            (BulkAction::AddTag(tag("loan")), "UPDATED {3,1}{tags}"),
            (BulkAction::RemoveTag(tag("loan")), "UPDATED {3,1}{tags}"),
            (BulkAction::Archive, "DELETED {3,1}{}"),
            (BulkAction::Restore, "RESTORED {3,1}{}"),
        ];
        let ids = [3, 2, 1].map(DeviceId);
        for (action, event) in actions {
            acme.change_many(&[DeviceId(2)], action.clone())
                .await
                .unwrap();
            let before = acme.find_all(&ids).await;
            let (changed, unchanged) = (vec![ids[0], ids[2]], vec![ids[1]]);
            let expected = BulkResult { changed, unchanged };
            let preview = acme.preview(&ids, action.clone()).await;
            assert_eq!(preview.changed, expected.changed, "{action:?}");
            assert_eq!(acme.find_all(&ids).await, before);
            let result = acme.change_many(&ids, action.clone()).await.unwrap();
            assert_eq!(result, expected, "{action:?}");
            assert_eq!(store.change_events().last().unwrap(), event);
            let after = acme.find_all(&ids).await;
            assert_eq!(after[1], before[1]);
            assert!(after[0].updated_at > before[0].updated_at);
            assert!(after[2].updated_at > before[2].updated_at);
            let events = store.change_events();
            let repeated = acme.change_many(&ids, action).await.unwrap();
            assert_eq!(repeated.unchanged, ids);
            assert_eq!(acme.find_all(&ids).await, after);
            assert_eq!(store.change_events(), events);
        }
        assert_eq!(store.change_events().len(), 16);
        let untouched = &acme.find_all(&[DeviceId(4)]).await[0];
        assert_eq!(untouched.updated_at, untouched.created_at);
        assert_eq!(store.recorded_devices(), ["4"]);
    });
}

#[test]
fn states_are_those_of_the_action() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let ids = acme.create_serials(&["A", "B"]).await;
        let actions = [
            BulkAction::Assign(Some(user)),
            BulkAction::SetLifecycle(Some(Lifecycle::OutOfService)),
            BulkAction::AddTag(tag("loan")),
            BulkAction::AddTag(tag("spare")),
            BulkAction::RemoveTag(tag("loan")),
            BulkAction::Archive,
        ];
        for action in actions {
            acme.change_many(&ids, action).await.unwrap();
        }
        for stored in acme.find_all(&ids).await {
            let fields = &stored.device.fields;
            assert_eq!(fields.ownership.user_id, Some(user));
            let lifecycle = fields.ownership.lifecycle;
            assert_eq!(lifecycle, Some(Lifecycle::OutOfService));
            let tags: Vec<&str> = fields.inventory.tags.iter().collect();
            assert_eq!(tags, ["spare"]);
            assert_eq!(stored.archived_at, Some(stored.updated_at));
        }
        assert_eq!(store.recorded_devices(), ["0"]);
        // An archive frees serial numbers, and its inverse restores the devices.
        let inverse = BulkAction::Archive.inverse().unwrap();
        let restored = acme.change_many(&ids, inverse).await.unwrap();
        assert_eq!(restored.changed, ids);
        let restored = acme.find_all(&ids).await;
        assert!(restored.iter().all(|stored| stored.archived_at.is_none()));
    });
}

#[test]
fn restored_devices_lose_deleted_assignees() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let users = store.users(acme.workspace);
        let kept = store.user(acme.workspace, "ada@example.com").await;
        let deleted = store.user(acme.workspace, "bob@example.com").await;
        let devices =
            [kept, deleted, kept].map(|user| device_of([("user_id", RawValue::Integer(user.0))]));
        acme.create(devices.to_vec()).await.unwrap();
        let ids = [1, 2, 3].map(DeviceId);
        acme.change_many(&ids, BulkAction::Archive).await.unwrap();
        users.delete(deleted, acme.origin()).await.unwrap();
        acme.change_many(&ids, BulkAction::Restore).await.unwrap();
        let assignees = acme.find_all(&ids).await;
        let assignees = assignees
            .iter()
            .map(|stored| stored.device.fields.ownership.user_id);
        let assignees: Vec<_> = assignees.collect();
        assert_eq!(assignees, [Some(kept), None, Some(kept)]);
        let events = store.change_events();
        let restored = ["RESTORED {1,3}{}", "RESTORED {2}{user_id}"];
        assert_eq!(events[events.len() - 2..], restored);
    });
}

/// The devices are found by their new state whether their documents are in the queue or in the
/// index.
#[test]
fn search_finds_changed_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "lovelace@example.com").await;
        let ids = acme.create_serials(&["A", "B", "C"]).await;
        // A device per chunk: the others stay queued.
        store.index_chunk(1).await;
        let search = |text: &str| DeviceFilter {
            search: Search::parse(text).unwrap(),
            ..DeviceFilter::default()
        };
        let archived = DeviceFilter {
            client_status: Some(ClientStatus::Archived),
            ..search("loan")
        };
        let assign = BulkAction::Assign(Some(user));
        acme.change_many(&ids, assign).await.unwrap();
        let add = BulkAction::AddTag(tag("loan"));
        acme.change_many(&ids, add).await.unwrap();
        for action in [BulkAction::Archive, BulkAction::Restore] {
            let [active, inactive] = match action {
                BulkAction::Archive => [0, 3],
                _ => [3, 0],
            };
            acme.change_many(&ids, action).await.unwrap();
            for _ in 0..3 {
                assert_eq!(acme.list_ids(search("loan")).await.len(), active);
                assert_eq!(acme.list_ids(search("lovelace")).await.len(), active);
                assert_eq!(acme.list_ids(archived.clone()).await.len(), inactive);
                store.index_chunk(1).await;
            }
        }
        let remove = BulkAction::RemoveTag(tag("loan"));
        acme.change_many(&ids, remove).await.unwrap();
        assert_eq!(acme.list_ids(search("loan")).await, [0; 0]);
        assert_eq!(store.database.count("search_documents"), 3);
    });
}

#[test]
fn thousand_devices_are_changed_at_once() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        let devices = (0..BulkChange::MAX_DEVICES).map(|number| {
            let serial_number = RawValue::text(format!("S{number}"));
            device_of([
                ("serial_number", serial_number),
                ("brand", RawValue::text("Dell")),
            ])
        });
        let created = acme.create(devices.collect()).await.unwrap();
        let ids: Vec<DeviceId> = created.iter().map(|created| created.id).collect();
        let actions = [
            BulkAction::Assign(Some(user)),
            BulkAction::SetLifecycle(Some(Lifecycle::InMaintenance)),
            BulkAction::AddTag(tag("loan")),
            BulkAction::Archive,
            BulkAction::Restore,
        ];
        for (number, action) in actions.into_iter().enumerate() {
            let changed = acme.change_many(&ids, action).await.unwrap();
            assert_eq!(changed.changed, ids);
            let times = "SELECT count(DISTINCT updated_at)::text FROM devices";
            assert_eq!(store.database.texts(times), ["1"]);
            let events = "device_events \
                          WHERE action <> 'CREATED' AND cardinality(device_ids) = 1000";
            assert_eq!(store.database.count(events), number as u64 + 1);
        }
        let documents = "search_documents WHERE NOT is_archived";
        assert_eq!(store.database.count(documents), 1_000);
    });
}
