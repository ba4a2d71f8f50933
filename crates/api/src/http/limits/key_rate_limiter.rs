//! Limits the requests per minute of each key.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};
use devices_domain::{Actor, RateLimitDecision, RateLimiter};

use crate::http::limits::ttl_map::TtlMap;
use crate::http::respond::api_error::ApiError;

/// Maximum time for which an exhausted key is rejected without a query to the store.
const EXHAUSTED_TTL: Duration = Duration::from_secs(1);

/// Limits the requests per minute of each key, across all processes on the same store.
///
/// Stores the [`KeyQuota`] in the extensions of each request that it checks, for the response
/// headers.
pub(crate) struct KeyRateLimiter {
    buckets: Arc<dyn RateLimiter>,
    /// Requests per minute for each key; 0 means unlimited.
    per_minute: u32,
    /// Keys without remaining requests, by hash.
    exhausted: TtlMap<[u8; 32], KeyQuota>,
}

impl KeyRateLimiter {
    pub(crate) fn new(buckets: Arc<dyn RateLimiter>, per_minute: u32) -> Self {
        Self {
            buckets,
            per_minute,
            exhausted: TtlMap::default(),
        }
    }

    /// Rejects a key that was found exhausted up to a second ago, without a query to the store. A
    /// client that sends in a loop must not slow down the store for others.
    pub(crate) fn reject_exhausted(
        &self,
        request: &HttpRequest,
        key_hash: [u8; 32],
    ) -> Result<(), ApiError> {
        match self.exhausted.get(&key_hash) {
            Some((quota, _)) => Err(key_rate_limited(request, quota)),
            None => Ok(()),
        }
    }

    /// Takes one request from the quota of the actor's key.
    ///
    /// # Errors
    /// `RateLimited` if none is left; the errors of the store.
    pub(crate) async fn try_acquire(
        &self,
        request: &HttpRequest,
        actor: Actor,
        key_hash: [u8; 32],
    ) -> Result<(), ApiError> {
        let per_minute = self.per_minute;
        if per_minute == 0 {
            return Ok(());
        }
        let decision = self.buckets.take(actor, per_minute).await?;
        let quota = KeyQuota {
            per_minute,
            decision,
        };
        if !decision.is_allowed {
            let ttl = quota.available_after(1.0).min(EXHAUSTED_TTL);
            self.exhausted.upsert(key_hash, ttl, quota, |_| quota);
            return Err(key_rate_limited(request, quota));
        }
        request.extensions_mut().insert(quota);
        count_decision("passed");
        Ok(())
    }
}

/// Remaining requests of a key, when its limit was last checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyQuota {
    per_minute: u32,
    decision: RateLimitDecision,
}

impl KeyQuota {
    /// Returns the limit: requests per minute.
    pub(crate) fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Returns the number of whole requests that remain.
    pub(crate) fn remaining(&self) -> f64 {
        self.decision.remaining.floor()
    }

    /// Returns the time until the whole limit is available again.
    pub(crate) fn reset_after(&self) -> Duration {
        self.available_after(f64::from(self.per_minute))
    }

    /// Returns the time until this many requests are available.
    fn available_after(&self, requests: f64) -> Duration {
        let missing = (requests - self.decision.remaining).max(0.0);
        Duration::from_secs_f64(missing * 60.0 / f64::from(self.per_minute))
    }
}

fn key_rate_limited(request: &HttpRequest, quota: KeyQuota) -> ApiError {
    request.extensions_mut().insert(quota);
    count_decision("limited");
    ApiError::RateLimited(quota.available_after(1.0))
}

/// Returns the error for an address with too many failed authentications, and counts it.
pub(crate) fn address_rate_limited(retry_after: Duration) -> ApiError {
    count_decision("address_limited");
    ApiError::RateLimited(retry_after)
}

fn count_decision(decision: &'static str) {
    metrics::counter!("devices_rate_limit_decisions_total", "decision" => decision).increment(1);
}
