//! [`WorkspaceKeyRepository`](devices_domain::WorkspaceKeyRepository).

use std::sync::Arc;
use std::time::Instant;

use chrono::{TimeDelta, Utc};
use devices_adapters::postgres::PostgresStore;
use devices_domain::{
    Action, ApiKey, Duration, FieldValue, KeyError, KeyId, KeyPrecondition, KeyRepository,
    KeyRestriction, NewApiKey, NewKeyFields, NewSecret, Origin, PageRequest, PageStart, Quotas,
    RawRow, RawValue, RepositoryError, Scope, Store, WorkspaceId, WorkspaceKeyRepository,
};
use diesel::connection::SimpleConnection;
use futures_util::future::join_all;

use crate::{TestStore, block_on, keys, operator, unlimited};

/// A workspace with keys.
struct Acme {
    store: TestStore,
    id: WorkspaceId,
    keys: Arc<dyn WorkspaceKeyRepository>,
}

impl Acme {
    async fn new() -> Self {
        let store = TestStore::new();
        let id = store.workspace("acme").await;
        let keys = store.store().for_workspace(id).keys.into();
        Self { store, id, keys }
    }

    /// Creates an ADMIN key as an operator does. It expires after these hours.
    async fn admin(&self, hash: u8, hours: Option<i64>) -> ApiKey {
        let new = NewApiKey {
            scope: Scope::Admin,
            expires_at: hours.map(|hours| Utc::now() + TimeDelta::hours(hours)),
            ..keys::key(self.id, hash)
        };
        let created = self.store.keys().create(new, 100, operator()).await;
        created.unwrap()
    }

    async fn create(&self, by: &ApiKey, fields: NewKeyFields) -> Result<ApiKey, KeyError> {
        let any = KeyPrecondition::Any;
        let created = self.keys.create(fields, secret(100), any, origin(by));
        created.await
    }

    /// Rotates a key without overlap.
    async fn rotate(&self, by: &ApiKey, key: KeyId, hash: u8) -> Result<ApiKey, KeyError> {
        let until = Utc::now();
        let any = KeyPrecondition::Any;
        let rotated = self.keys.rotate(key, secret(hash), until, any, origin(by));
        rotated.await
    }

    async fn revoke(&self, by: &ApiKey, key: KeyId) -> Result<ApiKey, KeyError> {
        self.keys.revoke(key, origin(by)).await
    }

    fn count(&self, condition: &str) -> String {
        let query = format!("SELECT count(*) FROM api_keys WHERE {condition}");
        self.store.database.texts(&query).remove(0)
    }
}

fn origin(key: &ApiKey) -> Origin {
    Origin {
        key: key.id,
        request_id: "request-1".to_owned(),
        client_request_id: None,
        interface: devices_domain::Interface::Api,
    }
}

fn secret(hash: u8) -> NewSecret {
    NewSecret {
        sha256: [hash; 32],
        prefix: "fdk_1_wxyz".to_owned(),
    }
}

fn new_key(scope: Scope, expires_in: Option<&str>) -> NewKeyFields {
    let mut row = RawRow::for_new_key();
    row.set("name", RawValue::text("integration"));
    row.set("scope", scope.to_raw());
    if let Some(text) = expires_in {
        row.set("expires_in", RawValue::text(text));
    }
    NewKeyFields::from_row(&row).unwrap()
}

fn restriction(result: Result<ApiKey, KeyError>) -> Option<KeyRestriction> {
    match result {
        Err(KeyError::Forbidden(restriction)) => Some(restriction),
        _ => None,
    }
}

fn is_not_admitted(result: &Result<ApiKey, KeyError>) -> bool {
    matches!(
        result,
        Err(KeyError::Repository(RepositoryError::NotAdmitted))
    )
}

#[test]
fn keys_are_listed_in_pages() {
    block_on(async {
        let acme = Acme::new().await;
        let mut ids = Vec::new();
        for hash in 1..=5 {
            ids.push(acme.admin(hash, None).await.id);
        }
        let globex = acme.store.workspace("globex").await;
        acme.store.key(globex).await;
        let list = async |start| {
            let page = acme
                .keys
                .list(PageRequest { limit: 2, start })
                .await
                .unwrap();
            assert_eq!((page.total.count, page.total.is_exact), (5, true));
            let listed: Vec<_> = page.items.iter().map(|key| key.id).collect();
            (listed, page.next.map(PageStart::Cursor))
        };
        let (first, next) = list(PageStart::Offset(0)).await;
        assert_eq!(first, ids[..2]);
        let (second, next) = list(next.unwrap()).await;
        assert_eq!(second, ids[2..4]);
        let (third, next) = list(next.unwrap()).await;
        assert_eq!((third.as_slice(), next), (&ids[4..], None));
        assert_eq!(list(PageStart::Offset(3)).await.0, ids[3..]);
        assert_eq!(list(PageStart::Offset(u64::MAX)).await.0, []);
    });
}

#[test]
fn changes_leave_events_of_the_acting_key() {
    block_on(async {
        let acme = Acme::new().await;
        let admin = acme.admin(1, None).await;
        let created = acme.create(&admin, new_key(Scope::Read, None)).await;
        let created = created.unwrap();
        let rotated = acme.rotate(&admin, created.id, 101).await.unwrap();
        acme.revoke(&admin, rotated.id).await.unwrap();
        // Leaves no event.
        acme.revoke(&admin, rotated.id).await.unwrap();
        let events = acme.store.request_events(acme.id).await;
        let events: Vec<_> = events
            .into_iter()
            .map(|event| {
                assert_eq!(event.key_id, Some(admin.id));
                assert_eq!(event.request_id.as_deref(), Some("request-1"));
                (event.action, event.api_key_id)
            })
            .collect();
        let expected = [
            (Action::Created, created.id),
            (Action::Rotated, created.id),
            (Action::Created, rotated.id),
            (Action::Revoked, rotated.id),
        ];
        assert_eq!(events, expected.map(|(action, key)| (action, Some(key))));
    });
}

#[test]
fn quota_of_keys_is_enforced() {
    block_on(async {
        let acme = Acme::new().await;
        let admin = acme.admin(1, None).await;
        let quotas = Quotas {
            keys: 1,
            ..unlimited()
        };
        let pool = acme.store.pool.clone();
        let store = PostgresStore::new(pool, quotas);
        let keys = store.for_workspace(acme.id).keys;
        let created = keys
            .create(
                new_key(Scope::Read, None),
                secret(2),
                KeyPrecondition::Any,
                origin(&admin),
            )
            .await;
        assert!(matches!(created, Err(KeyError::TooMany(1))), "{created:?}");
        assert_eq!(acme.count("true"), "1");
        // The old key is replaced, and does not count.
        let until = Utc::now() + Duration::hours(1).to_delta();
        let rotated = keys
            .rotate(
                admin.id,
                secret(2),
                until,
                KeyPrecondition::Any,
                origin(&admin),
            )
            .await;
        assert!(rotated.is_ok(), "{rotated:?}");
    });
}

#[test]
fn key_of_another_workspace_is_unknown() {
    block_on(async {
        let acme = Acme::new().await;
        let admin = acme.admin(1, None).await;
        let globex = acme.store.workspace("globex").await;
        let foreign = acme.store.key(globex).await;
        for key in [foreign, KeyId(4711)] {
            let rotated = acme.rotate(&admin, key, 2).await;
            assert!(matches!(rotated, Err(KeyError::NotFound)), "{rotated:?}");
            let revoked = acme.revoke(&admin, key).await;
            assert!(matches!(revoked, Err(KeyError::NotFound)), "{revoked:?}");
        }
        assert_eq!(acme.count("revoked_at IS NULL AND retires_at IS NULL"), "2");
    });
}

#[test]
fn expiring_key_grants_no_longer_life() {
    block_on(async {
        let acme = Acme::new().await;
        let lasting = acme.admin(1, None).await;
        let expiring = acme.admin(2, Some(24)).await;
        for expires_in in [None, Some("25h")] {
            let created = acme.create(&expiring, new_key(Scope::Read, expires_in));
            let expected = Some(KeyRestriction::OutlivesActor);
            assert_eq!(restriction(created.await), expected);
        }
        let rotated = acme.rotate(&expiring, lasting.id, 3).await;
        assert_eq!(restriction(rotated), Some(KeyRestriction::OutlivesActor));
        assert_eq!(acme.count("retires_at IS NULL"), "2");
        let created = acme
            .create(&expiring, new_key(Scope::Admin, Some("23h")))
            .await;
        assert!(created.is_ok(), "{created:?}");
        // A key that rotates itself does not extend its life.
        let rotated = acme.rotate(&expiring, expiring.id, 4).await.unwrap();
        assert_eq!(rotated.expires_at, expiring.expires_at);
    });
}

#[test]
fn longest_lasting_admin_key_remains() {
    block_on(async {
        let acme = Acme::new().await;
        let lasting = acme.admin(1, None).await;
        let expiring = acme.admin(2, Some(24)).await;
        for actor in [&lasting, &expiring] {
            let revoked = acme.revoke(actor, lasting.id).await;
            assert_eq!(restriction(revoked), Some(KeyRestriction::LastAdmin));
        }
        acme.revoke(&lasting, expiring.id).await.unwrap();
        // The replaced key ends before the key that replaces it.
        let until = Utc::now() + TimeDelta::hours(1);
        let rotated = acme
            .keys
            .rotate(
                lasting.id,
                secret(3),
                until,
                KeyPrecondition::Any,
                origin(&lasting),
            )
            .await
            .unwrap();
        let revoked = acme.revoke(&lasting, rotated.id).await;
        assert_eq!(restriction(revoked), Some(KeyRestriction::LastAdmin));
        acme.revoke(&rotated, lasting.id).await.unwrap();
        assert_eq!(acme.count("revoked_at IS NULL"), "1");
    });
}

#[test]
fn admin_keys_cannot_revoke_each_other() {
    block_on(async {
        let acme = Acme::new().await;
        let (one, other) = (acme.admin(1, None).await, acme.admin(2, None).await);
        // Both requests wait for the lock, after they were admitted.
        let lock = format!(
            "SELECT pg_advisory_lock(hashtextextended('api keys', {}))",
            acme.id
        );
        let mut blocker = acme.store.database.connect();
        blocker.batch_execute(&lock).unwrap();
        let revoke = |by: &ApiKey, key: KeyId| {
            let (keys, origin) = (Arc::clone(&acme.keys), origin(by));
            tokio::spawn(async move { keys.revoke(key, origin).await })
        };
        let requests = [revoke(&one, other.id), revoke(&other, one.id)];
        let deadline = Instant::now() + std::time::Duration::from_secs(60);
        while acme.store.database.count_blocked_statements() < 2 {
            assert!(Instant::now() < deadline, "the requests do not wait");
            tokio::task::yield_now().await;
        }
        drop(blocker);
        let [first, second] = requests;
        let results = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.iter().any(is_not_admitted), "{results:?}");
        assert_eq!(acme.count("revoked_at IS NULL"), "1");
    });
}

#[test]
fn revoked_key_changes_no_key() {
    block_on(async {
        let acme = Acme::new().await;
        let (admin, revoked) = (acme.admin(1, None).await, acme.admin(2, None).await);
        acme.revoke(&revoked, revoked.id).await.unwrap();
        for result in [
            acme.create(&revoked, new_key(Scope::Read, None)).await,
            acme.rotate(&revoked, admin.id, 3).await,
            acme.revoke(&revoked, admin.id).await,
        ] {
            assert!(is_not_admitted(&result), "{result:?}");
        }
        assert_eq!(acme.count("retires_at IS NULL"), "2");
    });
}

#[test]
fn inactive_key_cannot_be_rotated() {
    block_on(async {
        let acme = Acme::new().await;
        let admin = acme.admin(1, None).await;
        let created = acme.create(&admin, new_key(Scope::Write, None)).await;
        let created = created.unwrap();
        acme.revoke(&admin, created.id).await.unwrap();
        let rotated = acme.rotate(&admin, created.id, 3).await;
        assert!(matches!(rotated, Err(KeyError::Inactive)), "{rotated:?}");
    });
}

#[test]
fn form_that_is_sent_twice_creates_one_key() {
    block_on(async {
        let acme = Acme::new().await;
        let admin = acme.admin(1, None).await;
        let newest = acme.keys.newest().await.unwrap();
        assert_eq!(newest, Some(admin.id));
        let once = KeyPrecondition::NoneSince(newest);
        let create = |hash| {
            let fields = new_key(Scope::Read, None);
            acme.keys.create(fields, secret(hash), once, origin(&admin))
        };
        let mut results = join_all([create(2), create(3)]).await;
        results.sort_by_key(Result::is_err);
        let rejected = results.pop().unwrap();
        let created = results.pop().unwrap();
        let created = created.unwrap();
        match rejected {
            Err(KeyError::CreatedSince(newer)) => assert_eq!(newer.id, created.id),
            other => panic!("{other:?}"),
        }
        assert_eq!(acme.keys.find(created.id).await.unwrap(), Some(created));
        // Keys with other names are no obstacle.
        let until = Utc::now() + TimeDelta::hours(1);
        let rotate = |hash| {
            acme.keys
                .rotate(admin.id, secret(hash), until, once, origin(&admin))
        };
        rotate(4).await.unwrap();
        let again = rotate(5).await;
        assert!(matches!(again, Err(KeyError::CreatedSince(_))), "{again:?}");
        assert_eq!(acme.count("true"), "3");
    });
}

#[test]
fn key_of_another_workspace_is_not_found() {
    block_on(async {
        let acme = Acme::new().await;
        let globex = acme.store.workspace("globex").await;
        let foreign = acme.store.key(globex).await;
        assert_eq!(acme.keys.find(foreign).await.unwrap(), None);
        assert_eq!(acme.keys.newest().await.unwrap(), None);
    });
}
