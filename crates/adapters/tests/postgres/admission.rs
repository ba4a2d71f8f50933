//! Admission of requests: the store checks their keys and rate limits before their first work.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::sync::Arc;

use chrono::Utc;
use devices_domain::{
    Actor, Admission, AdmissionDecision, Author, BatchFilter, BatchId, DeviceChange, DeviceFilter,
    DevicePatch, Email, EnrollmentFields, EnrollmentFilter, EnrollmentReport, FeedRequest,
    IdempotencyKey, IdempotentRequest, IdentifierKey, KeyPrecondition, KeyRepository, LookupKeys,
    NewBatch, NewDevice, NewKeyFields, PageRequest, PageStart, Precondition, RateLimits, RawRow,
    RawValue, RepositoryError, Scope, SerialNumber, Store, UnknownFields, UserChange, UserFields,
    UserFilter, UserPatch, WorkspaceStore,
};
use futures_util::future::join_all;

use crate::{TestStore, Writer, block_on, device, keys, operator};

/// Returns an undecided admission with the key of `writer`.
fn admission(writer: &Writer, limits: RateLimits) -> Arc<Admission> {
    let actor = Actor {
        workspace: writer.workspace,
        key: writer.key,
        scope: Scope::Write,
    };
    Arc::new(Admission::new(actor, [1; 32], limits))
}

/// Revokes the key of `writer`.
async fn revoke(store: &TestStore, writer: &Writer) {
    let keys = store.keys();
    let revoked = keys.revoke(writer.workspace, writer.key, operator()).await;
    assert!(revoked.unwrap().revoked_at.is_some());
}

fn batch(writer: &Writer, devices: Vec<NewDevice>) -> Arc<NewBatch> {
    Arc::new(NewBatch {
        devices,
        origin: writer.origin(),
        idempotency: None,
    })
}

/// Asserts that a call failed because the request was not admitted.
fn assert_not_admitted<T, E: Display>(call: &str, result: Result<T, E>) {
    let error = result.err().map(|error| error.to_string());
    let expected = RepositoryError::NotAdmitted.to_string();
    assert_eq!(error, Some(expected), "{call}");
}

/// Awaits a call of a new request with a revoked key, which must not be admitted.
macro_rules! assert_rejected {
    ($request:expr, $($repository:ident.$method:ident($($argument:expr),*)),* $(,)?) => {
        $(
            let WorkspaceStore { $repository, .. } = $request;
            let call = concat!(stringify!($repository), ".", stringify!($method));
            assert_not_admitted(call, $repository.$method($($argument),*).await);
        )*
    };
}

#[test]
fn revoked_key_is_admitted_to_no_method() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let device_id = acme.create(vec![device(&[])]).await.unwrap()[0].id;
        let user = store.user(acme.workspace, "ada@example.com").await;
        revoke(&store, &acme).await;
        let stored = store.store();
        let request = || stored.for_request(admission(&acme, RateLimits::UNLIMITED));
        let tables = [
            "devices",
            "device_events",
            "audit_events",
            "users",
            "devices_mdm",
            "api_keys",
        ];
        let before = tables.map(|table| store.database.count(table));
        let page = PageRequest {
            start: PageStart::Offset(0),
            limit: 10,
        };
        let filter = DeviceFilter::default;
        let idempotent = IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse("one").unwrap(),
            fingerprint: [7; 32],
        };
        let new = |count| (0..count).map(|_| device(&[])).collect::<Vec<_>>();
        let mut row = RawRow::for_device();
        row.set("name", RawValue::text("changed"));
        let change = DeviceChange {
            device: device_id,
            patch: DevicePatch::from_row(&row, UnknownFields::Reject).unwrap(),
            precondition: Precondition::Any,
            origin: acme.origin(),
        };
        assert_rejected!(
            request(),
            devices.find_conflicts(LookupKeys::from_devices(&new(1))),
            devices.find_response(idempotent.clone()),
            devices.create(batch(&acme, new(1))),
            devices.create(batch(&acme, new(300))),
            devices.find(device_id),
            devices.list(filter(), page),
            devices.list_by_id(filter(), None, 10),
            devices.attribute_keys(filter(), 10),
            devices.record_export(filter(), acme.origin()),
            devices.update(Arc::new(change.clone())),
            devices.delete(device_id, Precondition::Any, acme.origin()),
            devices.restore(device_id, Precondition::Any, acme.origin()),
        );
        let batch = BatchId(1);
        assert_rejected!(
            request(),
            batches.list(BatchFilter::default(), page),
            batches.find(batch),
            batches.preview_undo(batch, false),
            batches.undo(batch, false, acme.origin()),
        );
        let mut row = RawRow::for_user();
        row.set("first_name", RawValue::text("Ada"));
        let change = UserChange {
            user,
            patch: UserPatch::from_row(&row, UnknownFields::Reject).unwrap(),
            origin: acme.origin(),
        };
        let new_user = UserFields::new(Email::from_trusted("eve@example.com".to_owned()));
        assert_rejected!(
            request(),
            users.find(user),
            users.list(UserFilter::default(), page),
            users.create(new_user, Author::Request(acme.origin())),
            users.update(Arc::new(change.clone())),
            users.delete(user, acme.origin()),
        );
        let report = EnrollmentReport {
            serial_number: SerialNumber::from_trusted("A1"),
            fields: enrollment_fields(),
            origin: acme.origin(),
        };
        assert_rejected!(
            request(),
            enrollments.find(IdentifierKey::new("A1")),
            enrollments.list(EnrollmentFilter::default(), page),
            enrollments.put(Arc::new(report)),
            enrollments.delete(IdentifierKey::new("A1"), acme.origin()),
        );
        let first_page = FeedRequest {
            after: None,
            limit: 10,
            event_type: None,
        };
        assert_rejected!(request(), feed.read(first_page));
        assert_eq!(tables.map(|table| store.database.count(table)), before);
    });
}

#[test]
fn revoked_key_manages_no_keys() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        revoke(&store, &acme).await;
        let stored = store.store();
        let request = || stored.for_request(admission(&acme, RateLimits::UNLIMITED));
        let before = store.database.count("api_keys");
        let page = PageRequest {
            start: PageStart::Offset(0),
            limit: 10,
        };
        let mut row = RawRow::for_new_key();
        row.set("name", RawValue::text("mine"));
        row.set("scope", RawValue::text("ADMIN"));
        let secret = keys::key(acme.workspace, 2).secret;
        assert_rejected!(
            request(),
            keys.list(page),
            keys.create(
                NewKeyFields::from_row(&row).unwrap(),
                secret.clone(),
                KeyPrecondition::Any,
                acme.origin()
            ),
            keys.rotate(
                acme.key,
                secret.clone(),
                Utc::now(),
                KeyPrecondition::Any,
                acme.origin()
            ),
            keys.find(acme.key),
            keys.newest(),
            keys.revoke(acme.key, acme.origin()),
        );
        assert_eq!(store.database.count("api_keys"), before);
    });
}

fn enrollment_fields() -> EnrollmentFields {
    let mut row = RawRow::for_enrollment();
    row.set("status", RawValue::text("ENROLLED"));
    EnrollmentFields::from_row(&row, UnknownFields::Reject).unwrap()
}

#[test]
fn each_request_of_a_group_is_admitted_by_its_own_key() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let other = keys::key(acme.workspace, 2);
        let other = store.keys().create(other, 100, operator()).await.unwrap();
        let actor = Actor {
            workspace: acme.workspace,
            key: other.id,
            scope: Scope::Write,
        };
        revoke(&store, &acme).await;
        let stored = store.store();
        let requests = (0..20).map(|index| {
            let admission = if index % 2 == 0 {
                Arc::new(Admission::new(actor, [2; 32], RateLimits::UNLIMITED))
            } else {
                admission(&acme, RateLimits::UNLIMITED)
            };
            let devices = stored.for_request(admission).devices;
            let batch = batch(&acme, vec![device(&[])]);
            async move { devices.create(batch).await }
        });
        let results = join_all(requests).await;
        for (index, result) in results.into_iter().enumerate() {
            if index % 2 == 0 {
                assert!(result.is_ok(), "{result:?}");
            } else {
                assert_not_admitted("create", result);
            }
        }
        assert_eq!(store.database.count("devices"), 10);
    });
}

#[test]
fn key_of_another_actor_is_not_admitted() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let actor = Actor {
            workspace: acme.workspace,
            key: acme.key,
            scope: Scope::Read,
        };
        let admission = Arc::new(Admission::new(actor, [1; 32], RateLimits::UNLIMITED));
        let devices = store.store().for_request(Arc::clone(&admission)).devices;
        let listed = devices.attribute_keys(DeviceFilter::default(), 10).await;
        assert_not_admitted("attribute_keys", listed);
        assert_eq!(admission.decision(), Some(AdmissionDecision::KeyInactive));
    });
}

#[test]
fn admission_takes_one_token_per_request() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let limits = RateLimits {
            key: NonZeroU32::new(2),
            workspace: None,
        };
        let stored = store.store();
        for is_admitted in [true, true, false] {
            let admission = admission(&acme, limits);
            let devices = stored.for_request(Arc::clone(&admission)).devices;
            // A request may do its work in several steps.
            for _ in 0..2 {
                let keys = devices.attribute_keys(DeviceFilter::default(), 10).await;
                assert_eq!(keys.is_ok(), is_admitted);
            }
            assert_eq!(admission.is_admitted(), is_admitted);
        }
        // A revoked key takes no token.
        revoke(&store, &acme).await;
        let acme_id = acme.workspace.0;
        let tokens = format!("SELECT tokens::text FROM rate_limits WHERE workspace_id = {acme_id}");
        let before = store.database.texts(&tokens);
        let devices = stored.for_request(admission(&acme, limits)).devices;
        let keys = devices.attribute_keys(DeviceFilter::default(), 10).await;
        assert_not_admitted("attribute_keys", keys);
        assert_eq!(store.database.texts(&tokens), before);
    });
}
