//! [`SessionRepository`].

use chrono::{DateTime, TimeDelta, Utc};
use devices_adapters::postgres::PostgresSessions;
use devices_domain::{
    Actor, ApiKey, KeyRepository, NewApiKey, NewSecret, NewSession, Scope, Session,
    SessionRepository, WorkspaceId,
};

use crate::keys::key;
use crate::{TestStore, block_on, operator};

/// Hash of the secret of the key in [`SignedIn`].
const SECRET: [u8; 32] = [7; 32];

/// A workspace with a key, and a session of it.
struct SignedIn {
    store: TestStore,
    workspace: WorkspaceId,
    key: ApiKey,
    session: Session,
}

impl TestStore {
    fn sessions(&self) -> PostgresSessions {
        PostgresSessions::new(&self.pool)
    }
}

impl SignedIn {
    async fn new() -> Self {
        let store = TestStore::new();
        let workspace = store.workspace("acme").await;
        let new = NewApiKey {
            name: "Ada's laptop".to_owned(),
            scope: Scope::Read,
            ..key(workspace, SECRET[0])
        };
        let key = store.keys().create(new, 100, operator()).await.unwrap();
        let session = store.sessions().create(session(workspace, 1)).await;
        Self {
            workspace,
            key,
            session: session.unwrap().unwrap(),
            store,
        }
    }

    async fn find(&self, token: u8) -> Option<Session> {
        let sessions = self.store.sessions();
        sessions.find(self.workspace, [token; 32]).await.unwrap()
    }

    /// Returns whether the session and the key are found. Both must agree.
    async fn is_active(&self) -> bool {
        let is_session_found = self.find(1).await.is_some();
        let keys = self.store.keys();
        let actor = keys.find_actor(self.workspace, SECRET).await.unwrap();
        assert_eq!(is_session_found, actor.is_some());
        is_session_found
    }
}

fn session(workspace: WorkspaceId, token: u8) -> NewSession {
    NewSession {
        workspace,
        secret_sha256: SECRET,
        token_sha256: [token; 32],
        expires_at: in_hours(12),
    }
}

/// Returns a time with the precision of PostgreSQL.
fn in_hours(hours: i64) -> DateTime<Utc> {
    let time = Utc::now() + TimeDelta::hours(hours);
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap()
}

#[test]
fn session_is_found_by_workspace_and_token() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let SignedIn { store, key, .. } = &signed_in;
        let expected = Session {
            actor: Actor {
                workspace: signed_in.workspace,
                key: key.id,
                scope: Scope::Read,
            },
            key_name: "Ada's laptop".to_owned(),
            workspace_name: "acme".to_owned(),
            secret_sha256: SECRET,
            expires_at: signed_in.session.expires_at,
        };
        assert_eq!(signed_in.session, expected);
        assert_eq!(signed_in.find(1).await, Some(expected));
        assert_eq!(signed_in.find(2).await, None);
        let globex = store.workspace("globex").await;
        let other = store.sessions().find(globex, [1; 32]).await.unwrap();
        assert_eq!(other, None);
    });
}

#[test]
fn session_needs_an_active_key_of_its_workspace() {
    block_on(async {
        let SignedIn {
            store,
            workspace,
            key,
            ..
        } = SignedIn::new().await;
        let globex = store.workspace("globex").await;
        let unknown_secret = NewSession {
            secret_sha256: [9; 32],
            ..session(workspace, 2)
        };
        for rejected in [session(globex, 2), unknown_secret] {
            assert_eq!(store.sessions().create(rejected).await.unwrap(), None);
        }
        let revoked = store.keys().revoke(workspace, key.id, operator()).await;
        revoked.unwrap();
        let rejected = store.sessions().create(session(workspace, 2)).await;
        assert_eq!(rejected.unwrap(), None);
        assert_eq!(store.database.count("console_sessions"), 1);
    });
}

#[test]
fn session_ends_with_its_key() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let database = &signed_in.store.database;
        for (column, time, is_active) in [
            ("expires_at", in_hours(1), true),
            ("expires_at", in_hours(-1), false),
            ("retires_at", in_hours(1), true),
            ("retires_at", in_hours(-1), false),
            ("revoked_at", in_hours(-1), false),
        ] {
            database.execute(&format!("UPDATE api_keys SET {column} = '{time}'"));
            assert_eq!(signed_in.is_active().await, is_active, "{column} = {time}");
            database.execute(&format!("UPDATE api_keys SET {column} = NULL"));
            assert!(signed_in.is_active().await);
        }
        let SignedIn { store, key, .. } = &signed_in;
        let revoked = store
            .keys()
            .revoke(key.workspace_id, key.id, operator())
            .await;
        revoked.unwrap();
        assert!(!signed_in.is_active().await);
    });
}

#[test]
fn rotated_key_keeps_its_sessions_until_it_retires() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let keys = signed_in.store.keys();
        for (hash, hours, is_active) in [(8, 1, true), (9, -1, false)] {
            let secret = NewSecret {
                sha256: [hash; 32],
                prefix: "fdk_1_wxyz".to_owned(),
            };
            let (key, until) = (&signed_in.key, in_hours(hours));
            keys.rotate(key.workspace_id, key.id, secret, until, 100, operator())
                .await
                .unwrap();
            assert_eq!(signed_in.is_active().await, is_active);
        }
    });
}

#[test]
fn deleted_session_is_not_found() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let (sessions, workspace) = (signed_in.store.sessions(), signed_in.workspace);
        sessions.create(session(workspace, 2)).await.unwrap();
        let globex = signed_in.store.workspace("globex").await;
        sessions.delete(globex, [1; 32]).await.unwrap();
        assert!(signed_in.find(1).await.is_some());
        for _ in 0..2 {
            sessions.delete(workspace, [1; 32]).await.unwrap();
            assert_eq!(signed_in.find(1).await, None);
        }
        assert!(signed_in.find(2).await.is_some());
    });
}

#[test]
fn expired_sessions_are_not_found_and_purged() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let sessions = signed_in.store.sessions();
        let expired = NewSession {
            expires_at: in_hours(-1),
            ..session(signed_in.workspace, 2)
        };
        sessions.create(expired).await.unwrap();
        assert_eq!(signed_in.find(2).await, None);
        assert_eq!(sessions.purge_expired().await.unwrap(), 1);
        assert_eq!(sessions.purge_expired().await.unwrap(), 0);
        assert!(signed_in.find(1).await.is_some());
    });
}

#[test]
fn oldest_sessions_of_a_key_end_at_the_limit() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let SignedIn {
            store, workspace, ..
        } = &signed_in;
        // Another key, whose session stays.
        let other = key(*workspace, 8);
        store.keys().create(other, 100, operator()).await.unwrap();
        let session_of_other = NewSession {
            secret_sha256: [8; 32],
            ..session(*workspace, 255)
        };
        let sessions = store.sessions();
        sessions.create(session_of_other).await.unwrap();
        let max = u8::try_from(Session::MAX_PER_KEY).unwrap();
        for token in 2..=max {
            sessions.create(session(*workspace, token)).await.unwrap();
        }
        assert!(signed_in.find(1).await.is_some());
        sessions.create(session(*workspace, max + 1)).await.unwrap();
        assert_eq!(signed_in.find(1).await, None);
        for token in [2, max + 1, 255] {
            assert!(signed_in.find(token).await.is_some(), "{token}");
        }
        let count = store.database.count("console_sessions");
        assert_eq!(count, u64::from(max) + 1);
    });
}

#[test]
fn use_of_a_session_is_a_use_of_its_key() {
    block_on(async {
        let signed_in = SignedIn::new().await;
        let key = signed_in.key.id;
        let last_use = async || {
            let key = signed_in.store.keys().find(key).await.unwrap().unwrap();
            key.last_used_at
        };
        // The sign-in is recorded in the background.
        while last_use().await.is_none() {
            tokio::task::yield_now().await;
        }
        signed_in.store.database.execute(
            "UPDATE api_keys SET last_used_at = \
             (last_used_at AT TIME ZONE 'UTC' - interval '2 minutes') AT TIME ZONE 'UTC'",
        );
        let earlier = last_use().await;
        assert!(signed_in.find(1).await.is_some());
        while last_use().await == earlier {
            tokio::task::yield_now().await;
        }
    });
}
