//! [`KeyRepository`](devices_domain::KeyRepository).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use devices_adapters::postgres::PostgresKeys;
use devices_domain::{
    Actor, KeyError, KeyId, KeyRepository, NewApiKey, NewSecret, Scope, WorkspaceId,
};

use crate::{TestStore, block_on};

const MOST: u32 = 100;

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
fn a_key_is_found_by_its_workspace_and_hash() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let created = keys.create(key(acme, 7), MOST).await.unwrap();
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
fn a_key_works_until_it_expires() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        for (hash, hours, works) in [(1, 1, true), (2, -1, false)] {
            let expires_at = Some(Utc::now() + TimeDelta::hours(hours));
            let new = NewApiKey {
                expires_at,
                ..key(acme, hash)
            };
            store.keys().create(new, MOST).await.unwrap();
            let found = store.keys().find_actor(acme, [hash; 32]).await.unwrap();
            assert_eq!(found.is_some(), works);
        }
    });
}

#[test]
fn a_key_works_until_it_is_revoked_and_keeps_the_first_instant() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let created = keys.create(key(acme, 7), MOST).await.unwrap();
        let first = keys.revoke(acme, created.id).await.unwrap().unwrap();
        assert!(first.revoked_at.is_some());
        assert_eq!(keys.find_actor(acme, [7; 32]).await.unwrap(), None);
        let second = keys.revoke(acme, created.id).await.unwrap().unwrap();
        assert_eq!(second.revoked_at, first.revoked_at);
        assert_eq!(keys.revoke(acme, KeyId(4711)).await.unwrap(), None);
        let globex = store.workspace("globex").await;
        assert_eq!(keys.revoke(globex, created.id).await.unwrap(), None);
    });
}

#[test]
fn keys_are_listed_oldest_first_of_one_workspace_or_all() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let one = keys.create(key(acme, 1), MOST).await.unwrap();
        let two = keys.create(key(globex, 2), MOST).await.unwrap();
        let three = keys.create(key(acme, 3), MOST).await.unwrap();
        let of_acme = keys.list(Some(acme)).await.unwrap();
        assert_eq!(of_acme, [one.clone(), three.clone()]);
        assert_eq!(keys.list(None).await.unwrap(), [one, two, three]);
    });
}

#[test]
fn a_workspace_has_no_more_keys_that_work_than_it_may() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let first = keys.create(key(acme, 1), 2).await.unwrap();
        let expired = NewApiKey {
            expires_at: Some(Utc::now() - TimeDelta::hours(1)),
            ..key(acme, 2)
        };
        keys.create(expired, 2).await.unwrap();
        keys.create(key(acme, 3), 2).await.unwrap();
        let many = keys.create(key(acme, 4), 2).await;
        assert!(matches!(many, Err(KeyError::TooMany(2))), "{many:?}");
        keys.create(key(globex, 5), 2).await.unwrap();
        keys.revoke(acme, first.id).await.unwrap();
        keys.create(key(acme, 6), 2).await.unwrap();
    });
}

#[test]
fn of_many_keys_that_are_made_at_once_no_more_are_made_than_may_be() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let making: Vec<_> = (0..8)
            .map(|hash| {
                let keys = keys.clone();
                tokio::spawn(async move { keys.create(key(acme, hash), 3).await.is_ok() })
            })
            .collect();
        let mut made = 0;
        for one in making {
            made += u32::from(one.await.unwrap());
        }
        assert_eq!(made, 3);
    });
}

fn secret(hash: u8) -> NewSecret {
    NewSecret {
        sha256: [hash; 32],
        prefix: "fdk_1_wxyz".to_owned(),
    }
}

#[test]
fn a_rotated_key_is_like_the_old_one_which_works_on_for_a_while() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let lasting = NewApiKey {
            expires_at: Some(Utc::now() + TimeDelta::days(30)),
            ..key(acme, 1)
        };
        let old = keys.create(lasting, 1).await.unwrap();
        store.database.execute(
            "UPDATE api_keys SET created_at = created_at - interval '20 days', \
             expires_at = expires_at - interval '20 days'",
        );
        let until = Utc::now() + TimeDelta::hours(24);
        // It takes the old one's place among those that may work, too.
        let new = keys
            .rotate(acme, old.id, secret(2), until, 1)
            .await
            .unwrap();
        assert_eq!((new.workspace_id, new.scope), (acme, Scope::Write));
        assert_eq!(new.name, old.name);
        assert_eq!(new.secret_prefix.as_deref(), Some("fdk_1_wxyz"));
        let lasts = new.expires_at.unwrap() - new.created_at;
        assert!((lasts - TimeDelta::days(30)).abs() < TimeDelta::minutes(5));
        for hash in [1, 2] {
            let found = keys.find_actor(acme, [hash; 32]).await.unwrap();
            assert!(found.is_some());
        }
        let kept = keys.find(old.id).await.unwrap().unwrap();
        assert!((kept.retires_at.unwrap() - until).abs() < TimeDelta::seconds(1));
        // Whoever lost the new secret rotates the old key again; there must be room for that.
        let again = keys.rotate(acme, old.id, secret(3), until, 1).await;
        assert!(matches!(again, Err(KeyError::TooMany(1))), "{again:?}");
        let later = until + TimeDelta::hours(24);
        let again = keys.rotate(acme, old.id, secret(4), later, 2).await;
        assert!(again.is_ok(), "{again:?}");
        let kept = keys.find(old.id).await.unwrap().unwrap();
        assert!((kept.retires_at.unwrap() - until).abs() < TimeDelta::seconds(1));
        let again = keys.rotate(acme, old.id, secret(3), Utc::now(), 3).await;
        let lasts = again.unwrap().expires_at.unwrap() - Utc::now();
        assert!((lasts - TimeDelta::days(30)).abs() < TimeDelta::minutes(5));
        assert_eq!(keys.find_actor(acme, [1; 32]).await.unwrap(), None);
    });
}

#[test]
fn only_keys_that_work_are_rotated() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let old = keys.create(key(acme, 1), MOST).await.unwrap();
        keys.revoke(acme, old.id).await.unwrap();
        let ended = keys.rotate(acme, old.id, secret(2), Utc::now(), MOST).await;
        assert!(matches!(ended, Err(KeyError::Inactive)), "{ended:?}");
        let none = keys
            .rotate(acme, KeyId(4711), secret(2), Utc::now(), MOST)
            .await;
        assert!(matches!(none, Err(KeyError::NotFound)), "{none:?}");
        assert_eq!(store.database.count("api_keys"), 1);
    });
}

#[test]
fn the_use_of_a_key_is_noted_once_a_minute() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let created = store.keys().create(key(acme, 1), MOST).await.unwrap();
        assert_eq!(created.last_used_at, None);
        let serving = PostgresKeys::new(store.pool.clone());
        let use_it = async || {
            serving.find_actor(acme, [1; 32]).await.unwrap().unwrap();
        };
        let noted = async |other_than: Option<DateTime<Utc>>| {
            loop {
                let key = store.keys().find(created.id).await.unwrap().unwrap();
                if key.last_used_at != other_than {
                    return key.last_used_at;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        use_it().await;
        let first = noted(None).await;
        use_it().await;
        store
            .database
            .execute("UPDATE api_keys SET last_used_at = last_used_at - interval '2 minutes'");
        let earlier = first.map(|at| at - TimeDelta::minutes(2));
        use_it().await;
        assert!(noted(earlier).await > first);
    });
}
