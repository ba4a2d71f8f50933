//! [`KeyRepository`](devices_domain::KeyRepository).

use chrono::{TimeDelta, Utc};
use devices_domain::{Actor, KeyId, KeyRepository, NewApiKey, Scope, WorkspaceId};

use crate::{Store, block_on};

fn key(workspace: WorkspaceId, hash: u8) -> NewApiKey {
    NewApiKey {
        workspace,
        name: "import".to_owned(),
        scope: Scope::Write,
        secret_sha256: [hash; 32],
        expires_at: None,
    }
}

#[test]
fn a_key_is_found_by_its_workspace_and_hash() {
    block_on(async {
        let store = Store::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let created = keys.create(key(acme, 7)).await.unwrap();
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
        let store = Store::new();
        let acme = store.workspace("acme").await;
        for (hash, hours, works) in [(1, 1, true), (2, -1, false)] {
            let expires_at = Some(Utc::now() + TimeDelta::hours(hours));
            let new = NewApiKey {
                expires_at,
                ..key(acme, hash)
            };
            store.keys().create(new).await.unwrap();
            let found = store.keys().find_actor(acme, [hash; 32]).await.unwrap();
            assert_eq!(found.is_some(), works);
        }
    });
}

#[test]
fn a_key_works_until_it_is_revoked_and_keeps_the_first_instant() {
    block_on(async {
        let store = Store::new();
        let acme = store.workspace("acme").await;
        let keys = store.keys();
        let created = keys.create(key(acme, 7)).await.unwrap();
        let first = keys.revoke(created.id).await.unwrap().unwrap();
        assert!(first.revoked_at.is_some());
        assert_eq!(keys.find_actor(acme, [7; 32]).await.unwrap(), None);
        let second = keys.revoke(created.id).await.unwrap().unwrap();
        assert_eq!(second.revoked_at, first.revoked_at);
        assert_eq!(keys.revoke(KeyId(4711)).await.unwrap(), None);
    });
}

#[test]
fn keys_are_listed_oldest_first_of_one_workspace_or_all() {
    block_on(async {
        let store = Store::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let keys = store.keys();
        let one = keys.create(key(acme, 1)).await.unwrap();
        let two = keys.create(key(globex, 2)).await.unwrap();
        let three = keys.create(key(acme, 3)).await.unwrap();
        let of_acme = keys.list(Some(acme)).await.unwrap();
        assert_eq!(of_acme, [one.clone(), three.clone()]);
        assert_eq!(keys.list(None).await.unwrap(), [one, two, three]);
    });
}
