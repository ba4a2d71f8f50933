//! When keys were last used.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use devices_domain::Actor;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::PostgresKeys;
use crate::postgres::connection::error::classify;

/// Keys whose use is to be noted.
#[derive(Default)]
pub(super) struct Uses {
    waiting: BTreeSet<(i64, i64)>,
    /// Whether somebody is noting them.
    noting: bool,
}

/// How exactly it is known when a key was last used.
const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

impl PostgresKeys {
    /// Notes that the key was used, unless that was noted lately: beside the request, which does
    /// not wait for it, and one key after the other.
    pub(super) fn note_use(&self, actor: Actor, last_used_at: Option<DateTime<Utc>>) {
        if last_used_at.is_some_and(|at| Utc::now() - at < USE_INTERVAL) {
            return;
        }
        let mut uses = self.uses();
        uses.waiting.insert((actor.workspace.0, actor.key.0));
        if !std::mem::replace(&mut uses.noting, true) {
            tokio::spawn(self.clone().note_uses());
        }
    }

    async fn note_uses(self) {
        while let Some((workspace, key)) = self.next_use() {
            let update = diesel::sql_query(
                "UPDATE api_keys SET last_used_at = now() WHERE workspace_id = $1 AND id = $2 \
                 AND (last_used_at IS NULL OR last_used_at <= now() - interval '1 minute')",
            )
            .bind::<BigInt, _>(workspace)
            .bind::<BigInt, _>(key);
            let noted = self
                .database
                .run(move |connection| update.execute(connection).map_err(classify));
            if let Err(error) = noted.await {
                tracing::warn!(%error, "the use of a key was not noted");
            }
        }
    }

    fn next_use(&self) -> Option<(i64, i64)> {
        let mut uses = self.uses();
        let next = uses.waiting.pop_first();
        uses.noting = next.is_some();
        next
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        // What a panic left behind is still a set of keys.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
