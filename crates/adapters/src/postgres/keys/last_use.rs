//! Recording of the last use of keys.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use devices_domain::Actor;
use diesel::sql_types::BigInt;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::query::prepared::prepared;

/// Precision of the recorded last use. The statement below repeats it: several servers may record
/// the same key.
const PRECISION: TimeDelta = TimeDelta::minutes(1);

/// Records in the background when keys were last used, one key after the other. Requests do not
/// wait for it. Clones share the queue.
#[derive(Clone)]
pub(crate) struct LastUseRecorder {
    database: Database,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Default)]
struct Queue {
    /// Workspaces and ids of the keys whose use is not recorded yet.
    keys: BTreeSet<(i64, i64)>,
    /// `true` while a task records them.
    has_worker: bool,
}

impl LastUseRecorder {
    pub(crate) fn new(database: Database) -> Self {
        Self {
            database,
            queue: Arc::default(),
        }
    }

    /// Records that a key was used now, unless its last recorded use is less than a minute ago.
    pub(crate) fn record(&self, actor: Actor, last_used_at: Option<DateTime<Utc>>) {
        if last_used_at.is_some_and(|at| Utc::now() - at < PRECISION) {
            return;
        }
        let mut queue = self.queue();
        queue.keys.insert((actor.workspace.0, actor.key.0));
        if !std::mem::replace(&mut queue.has_worker, true) {
            tokio::spawn(self.clone().run());
        }
    }

    /// Records queued uses until the queue is empty.
    async fn run(self) {
        while let Some((workspace, key)) = self.next() {
            let update = prepared(
                "UPDATE api_keys SET last_used_at = now() WHERE workspace_id = $1 AND id = $2 \
                 AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')",
            )
            .bind::<BigInt, _>(workspace)
            .bind::<BigInt, _>(key);
            let recorded = self
                .database
                .run(move |connection| update.execute(connection).map_err(classify));
            if let Err(error) = recorded.await {
                tracing::warn!(%error, "cannot record the last use of a key");
            }
        }
    }

    /// Takes the next key. If there is none, the worker counts as finished from then on, and the
    /// next use starts another one.
    fn next(&self) -> Option<(i64, i64)> {
        let mut queue = self.queue();
        let next = queue.keys.pop_first();
        queue.has_worker = next.is_some();
        next
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // After a panic, the queue is still a valid set of keys.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
