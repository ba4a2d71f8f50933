//! Devices that prevent a change of many devices.

use std::sync::Arc;

use devices_domain::{
    BulkAction, BulkChangeError, DeviceId, Precondition, RawValue, Reason, RejectedDevice,
    RejectionReason, UserId,
};

use super::{reasons, tag};
use crate::{TestStore, Writer, block_on};

#[test]
fn rejected_device_prevents_all_changes() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let ids = acme.create_serials(&["A", "B", "C"]).await;
        let foreign = globex.create_serials(&["A"]).await[0];
        let foreign_user = store.user(globex.workspace, "ada@example.com").await;
        let full: Vec<_> = (0..50).map(|n| RawValue::text(format!("t{n}"))).collect();
        acme.update(2, [("tags", RawValue::List(full))], Precondition::Any)
            .await
            .unwrap();
        acme.delete(ids[2]).await;
        let before = acme.find_all(&ids).await;
        let (events, theirs) = (store.change_events(), globex.find_all(&[foreign]).await);

        let all = [ids[0], foreign, ids[2], DeviceId(99)];
        let rejected = acme.rejected(&all, BulkAction::Assign(None)).await;
        let reason = |device, reason| RejectedDevice { device, reason };
        let expected = [
            reason(foreign, RejectionReason::NotFound),
            reason(ids[2], RejectionReason::Archived),
            reason(DeviceId(99), RejectionReason::NotFound),
        ];
        assert_eq!(rejected, expected);
        for action in [BulkAction::Archive, BulkAction::Restore] {
            let rejected = acme.rejected(&all, action).await;
            assert_eq!(rejected, [expected[0].clone(), expected[2].clone()]);
        }
        let rejected = acme.rejected(&ids[..2], BulkAction::AddTag(tag("x"))).await;
        assert_eq!(reasons(&rejected), [(2, vec![Reason::TooManyItems])]);
        for user in [foreign_user, UserId(99)] {
            let assign = BulkAction::Assign(Some(user));
            let rejected = acme.rejected(&ids[..2], assign).await;
            let unknown = vec![Reason::UnknownUser];
            assert_eq!(reasons(&rejected), [(1, unknown.clone()), (2, unknown)]);
        }
        assert_eq!(acme.find_all(&ids).await, before);
        assert_eq!(globex.find_all(&[foreign]).await, theirs);
        assert_eq!(store.change_events(), events);
    });
}

#[test]
fn change_after_the_preview_prevents_all_changes() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ids = acme.create_serials(&["A", "B"]).await;
        let preview = acme.preview(&ids, BulkAction::Archive).await;
        let confirmed = |acme: &Writer| {
            let change = acme.bulk_change(&ids, BulkAction::Archive);
            Arc::new(
                Arc::unwrap_or_clone(change).if_unchanged_since(preview.last_changed_at.unwrap()),
            )
        };
        let name = [("name", RawValue::text("Changed"))];
        acme.update(ids[0].0, name, Precondition::Any)
            .await
            .unwrap();
        let rejected = acme.devices.change_many(confirmed(&acme)).await;
        let reason = RejectionReason::ChangedSince;
        let expected = vec![RejectedDevice {
            device: ids[0],
            reason,
        }];
        assert!(matches!(rejected, Err(BulkChangeError::Rejected(found)) if found == expected));
        // A repetition of a change that was carried out changes nothing.
        acme.change_many(&ids, BulkAction::Archive).await.unwrap();
        let repeated = acme.devices.change_many(confirmed(&acme)).await.unwrap();
        assert_eq!(repeated.unchanged, ids);
    });
}

#[test]
fn conflicts_prevent_all_restorations() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let first = acme.create_serials(&["A", "B"]).await;
        acme.change_many(&first, BulkAction::Archive).await.unwrap();
        let second = acme.create_serials(&["A", "B"]).await;
        let both = [first.as_slice(), &second].concat();
        let rejected = acme.rejected(&both, BulkAction::Restore).await;
        let taken = vec![Reason::AlreadyExists];
        assert_eq!(reasons(&rejected), [(1, taken.clone()), (2, taken)]);
        acme.change_many(&second, BulkAction::Archive)
            .await
            .unwrap();
        let rejected = acme.rejected(&both, BulkAction::Restore).await;
        let duplicate = vec![Reason::Duplicate];
        assert_eq!(reasons(&rejected), [(3, duplicate.clone()), (4, duplicate)]);
        store
            .database
            .execute("UPDATE workspaces SET device_limit = 1");
        let rejected = acme.rejected(&first, BulkAction::Restore).await;
        assert_eq!(reasons(&rejected), [(2, vec![Reason::DeviceLimit])]);
        let archived = "devices WHERE deleted_at IS NOT NULL";
        assert_eq!(store.database.count(archived), 4);
        let restored = acme.change_many(&first[..1], BulkAction::Restore).await;
        assert_eq!(restored.unwrap().changed, first[..1]);
    });
}
