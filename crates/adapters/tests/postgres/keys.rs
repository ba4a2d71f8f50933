//! [`KeyRepository`](devices_domain::KeyRepository).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devices_adapters::postgres::PostgresKeys;
use devices_domain::{
    Actor, KeyError, KeyId, KeyRepository, NewApiKey, NewSecret, Scope, WorkspaceId,
};

use crate::{TestStore, block_on, operator};

const MAX_KEYS: u32 = 100;

/// Creates a key with write access that does not expire.
pub(crate) fn key(workspace: WorkspaceId, hash: u8) -> NewApiKey {
    NewApiKey {
        workspace,
        name: "import".to_owned(),
        scope: Scope::Write,
        secret: NewSecret {
            sha256: [hash; 32],
            prefix: "fdk_1_abcd".to_owned(),
        },
        expires_at: None,
    }
}

#[test]
fn key_is_found_by_workspace_and_hash() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let created = keys
            .create(key(acme, 7), MAX_KEYS, operator())
            .await
            .unwrap();
        let actor = Actor {
            workspace: acme,
            key: created.id,
            scope: Scope::Write,
        };
        assert_eq!(keys.find_actor(acme, [7; 32]).await.unwrap(), Some(actor));
        assert_eq!(keys.find_actor(acme, [8; 32]).await.unwrap(), None);
        assert_eq!(keys.find_actor(globex, [7; 32]).await.unwrap(), None);
    });
}

#[test]
fn expired_key_is_not_found() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        for (hash, expires_in_hours, is_active) in [(1, 1, true), (2, -1, false)] {
            let expires_at = Some(Utc::now() + TimeDelta::hours(expires_in_hours));
            let new = NewApiKey {
                expires_at,
                ..key(acme, hash)
            };
            store
                .keys()
                .create(new, MAX_KEYS, operator())
                .await
                .unwrap();
            let found = store.keys().find_actor(acme, [hash; 32]).await.unwrap();
            assert_eq!(found.is_some(), is_active);
        }
    });
}

#[test]
fn revocation_is_immediate_and_idempotent() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let created = keys
            .create(key(acme, 7), MAX_KEYS, operator())
            .await
            .unwrap();
        let first = keys.revoke(acme, created.id, operator()).await.unwrap();
        assert!(first.revoked_at.is_some());
        assert_eq!(keys.find_actor(acme, [7; 32]).await.unwrap(), None);
        let second = keys.revoke(acme, created.id, operator()).await.unwrap();
        assert_eq!(second.revoked_at, first.revoked_at);
        let globex = store.workspace("globex").await;
        for (workspace, key) in [(acme, KeyId(4711)), (globex, created.id)] {
            let unknown = keys.revoke(workspace, key, operator()).await;
            assert!(matches!(unknown, Err(KeyError::NotFound)), "{unknown:?}");
        }
    });
}

#[test]
fn list_is_ordered_oldest_first() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let first = keys
            .create(key(acme, 1), MAX_KEYS, operator())
            .await
            .unwrap();
        let second = keys
            .create(key(globex, 2), MAX_KEYS, operator())
            .await
            .unwrap();
        let third = keys
            .create(key(acme, 3), MAX_KEYS, operator())
            .await
            .unwrap();
        let keys_of_acme = keys.list(Some(acme)).await.unwrap();
        assert_eq!(keys_of_acme, [first.clone(), third.clone()]);
        assert_eq!(keys.list(None).await.unwrap(), [first, second, third]);
    });
}

#[test]
fn number_of_active_keys_is_limited() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let first = keys.create(key(acme, 1), 2, operator()).await.unwrap();
        let expired = NewApiKey {
            expires_at: Some(Utc::now() - TimeDelta::hours(1)),
            ..key(acme, 2)
        };
        keys.create(expired, 2, operator()).await.unwrap();
        keys.create(key(acme, 3), 2, operator()).await.unwrap();
        let rejected = keys.create(key(acme, 4), 2, operator()).await;
        assert!(
            matches!(rejected, Err(KeyError::TooMany(2))),
            "{rejected:?}"
        );
        keys.create(key(globex, 5), 2, operator()).await.unwrap();
        keys.revoke(acme, first.id, operator()).await.unwrap();
        keys.create(key(acme, 6), 2, operator()).await.unwrap();
    });
}

#[test]
fn concurrent_creation_respects_the_limit() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let creations: Vec<_> = (0..8)
            .map(|hash| {
                let keys = keys.clone();
                tokio::spawn(
                    async move { keys.create(key(acme, hash), 3, operator()).await.is_ok() },
                )
            })
            .collect();
        let mut created = 0;
        for creation in creations {
            created += u32::from(creation.await.unwrap());
        }
        assert_eq!(created, 3);
    });
}

fn secret(hash: u8) -> NewSecret {
    NewSecret {
        sha256: [hash; 32],
        prefix: "fdk_1_wxyz".to_owned(),
    }
}

#[test]
fn rotation_copies_the_key_and_retires_the_old() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let expiring = NewApiKey {
            expires_at: Some(Utc::now() + TimeDelta::days(30)),
            ..key(acme, 1)
        };
        let old = keys.create(expiring, 1, operator()).await.unwrap();
        store.database.execute(
            "UPDATE api_keys SET \
             created_at = (created_at AT TIME ZONE 'UTC' - interval '20 days') AT TIME ZONE 'UTC', \
             expires_at = (expires_at AT TIME ZONE 'UTC' - interval '20 days') AT TIME ZONE 'UTC'",
        );
        let until = Utc::now() + TimeDelta::hours(24);
        // The limit counts the new key only: the old one is retiring.
        let new = keys
            .rotate(acme, old.id, secret(2), until, 1, operator())
            .await
            .unwrap();
        assert_eq!((new.workspace_id, new.scope), (acme, Scope::Write));
        assert_eq!(new.name, old.name);
        assert_eq!(new.secret_prefix.as_deref(), Some("fdk_1_wxyz"));
        let lifetime = new.expires_at.unwrap() - new.created_at;
        assert!((lifetime - TimeDelta::days(30)).abs() < TimeDelta::minutes(5));
        for hash in [1, 2] {
            let found = keys.find_actor(acme, [hash; 32]).await.unwrap();
            assert!(found.is_some());
        }
        let retiring = keys.find(old.id).await.unwrap().unwrap();
        assert!((retiring.retires_at.unwrap() - until).abs() < TimeDelta::seconds(1));
        // A client that lost the new secret can rotate the old key again, within the limit.
        let rejected = keys
            .rotate(acme, old.id, secret(3), until, 1, operator())
            .await;
        assert!(
            matches!(rejected, Err(KeyError::TooMany(1))),
            "{rejected:?}"
        );
        let later = until + TimeDelta::hours(24);
        let rotated = keys
            .rotate(acme, old.id, secret(4), later, 2, operator())
            .await;
        assert!(rotated.is_ok(), "{rotated:?}");
        // The old key keeps its earlier end.
        let retiring = keys.find(old.id).await.unwrap().unwrap();
        assert!((retiring.retires_at.unwrap() - until).abs() < TimeDelta::seconds(1));
        let rotated = keys
            .rotate(acme, old.id, secret(3), Utc::now(), 3, operator())
            .await;
        let lifetime = rotated.unwrap().expires_at.unwrap() - Utc::now();
        assert!((lifetime - TimeDelta::days(30)).abs() < TimeDelta::minutes(5));
        assert_eq!(keys.find_actor(acme, [1; 32]).await.unwrap(), None);
    });
}

#[test]
fn inactive_key_is_not_rotated() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let old = keys
            .create(key(acme, 1), MAX_KEYS, operator())
            .await
            .unwrap();
        keys.revoke(acme, old.id, operator()).await.unwrap();
        let inactive = keys
            .rotate(acme, old.id, secret(2), Utc::now(), MAX_KEYS, operator())
            .await;
        assert!(matches!(inactive, Err(KeyError::Inactive)), "{inactive:?}");
        let unknown = keys
            .rotate(
                acme,
                KeyId(4711),
                secret(2),
                Utc::now(),
                MAX_KEYS,
                operator(),
            )
            .await;
        assert!(matches!(unknown, Err(KeyError::NotFound)), "{unknown:?}");
        assert_eq!(store.database.count("api_keys"), 1);
    });
}

#[test]
fn last_use_is_recorded_once_a_minute() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let created = store
            .keys()
            .create(key(acme, 1), MAX_KEYS, operator())
            .await
            .unwrap();
        assert_eq!(created.last_used_at, None);
        let serving = PostgresKeys::new(store.pool.clone());
        let use_key = async || {
            serving.find_actor(acme, [1; 32]).await.unwrap().unwrap();
        };
        let next_last_use = async |previous: Option<DateTime<Utc>>| {
            loop {
                let key = store.keys().find(created.id).await.unwrap().unwrap();
                if key.last_used_at != previous {
                    return key.last_used_at;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        use_key().await;
        let first = next_last_use(None).await;
        use_key().await;
        store
            .database
            .execute("UPDATE api_keys SET last_used_at = (last_used_at AT TIME ZONE 'UTC' - interval '2 minutes') AT TIME ZONE 'UTC'");
        let earlier = first.map(|at| at - TimeDelta::minutes(2));
        use_key().await;
        assert!(next_last_use(earlier).await > first);
    });
}
