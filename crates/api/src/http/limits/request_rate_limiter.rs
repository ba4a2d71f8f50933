//! Limits the requests per minute of each key, and of all keys of a workspace together.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpMessage, HttpRequest};
use devices_domain::{Actor, RateLimitDecision, RateLimiter, RateLimits};

use crate::http::limits::ttl_map::TtlMap;
use crate::http::respond::api_error::ApiError;
use crate::settings;

/// Maximum time for which a key over a limit is rejected without a query to the store.
const EXHAUSTED_TTL: Duration = Duration::from_secs(1);

/// Limits the requests per minute of keys and workspaces, across all processes on the same store.
///
/// Stores the [`RequestQuota`] in the extensions of each request that it checks, for the response
/// headers.
pub(crate) struct RequestRateLimiter {
    buckets: Arc<dyn RateLimiter>,
    limits: RateLimits,
    /// Keys over a limit, by hash.
    exhausted: TtlMap<[u8; 32], RequestQuota>,
}

impl RequestRateLimiter {
    pub(crate) fn new(buckets: Arc<dyn RateLimiter>, settings: &settings::RateLimit) -> Self {
        Self {
            buckets,
            limits: RateLimits {
                key: NonZeroU32::new(settings.requests_per_minute),
                workspace: NonZeroU32::new(settings.workspace_requests_per_minute),
            },
            exhausted: TtlMap::default(),
        }
    }

    /// Rejects a key that was found over a limit up to a second ago, without a query to the store.
    /// A client that sends in a loop must not slow down the store for others.
    pub(crate) fn reject_exhausted(
        &self,
        request: &HttpRequest,
        key_hash: [u8; 32],
    ) -> Result<(), ApiError> {
        match self.exhausted.get(&key_hash) {
            Some((quota, _)) => Err(rate_limited(request, quota)),
            None => Ok(()),
        }
    }

    /// Takes one request from the quotas of the actor's key and its workspace.
    ///
    /// # Errors
    /// `RateLimited` if none is left; the errors of the store.
    pub(crate) async fn try_acquire(
        &self,
        request: &HttpRequest,
        actor: Actor,
        key_hash: [u8; 32],
    ) -> Result<(), ApiError> {
        if self.limits == RateLimits::UNLIMITED {
            return Ok(());
        }
        let decision = self.buckets.take(actor, self.limits).await?;
        self.record(request, key_hash, decision)
    }

    /// Returns the limits of each request.
    pub(crate) fn limits(&self) -> RateLimits {
        self.limits
    }

    /// Records the decision on a request.
    ///
    /// # Errors
    /// `RateLimited` if it is not allowed.
    pub(crate) fn record(
        &self,
        request: &HttpRequest,
        key_hash: [u8; 32],
        decision: RateLimitDecision,
    ) -> Result<(), ApiError> {
        let Some(quota) = RequestQuota::tightest(decision, self.limits) else {
            return Ok(());
        };
        if !decision.is_allowed() {
            let ttl = quota.available_after(1.0).min(EXHAUSTED_TTL);
            self.exhausted.upsert(key_hash, ttl, quota, |_| quota);
            return Err(rate_limited(request, quota));
        }
        request.extensions_mut().insert(quota);
        count_decision("passed");
        Ok(())
    }
}

/// Remaining requests under one of the limits, when it was last checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RequestQuota {
    policy: Policy,
    per_minute: NonZeroU32,
    remaining: f64,
}

/// Limit that a quota belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    Key,
    Workspace,
}

impl RequestQuota {
    /// Returns the quota that the client reaches first, or has to wait for longest.
    fn tightest(decision: RateLimitDecision, limits: RateLimits) -> Option<Self> {
        let quotas = [
            (Policy::Key, limits.key, decision.key),
            (Policy::Workspace, limits.workspace, decision.workspace),
        ];
        let quotas = quotas
            .into_iter()
            .filter_map(|(policy, per_minute, bucket)| {
                Some(Self {
                    policy,
                    per_minute: per_minute?,
                    remaining: bucket?.remaining,
                })
            });
        quotas.max_by(|a, b| {
            let by_wait = a.available_after(1.0).cmp(&b.available_after(1.0));
            by_wait.then(b.remaining.total_cmp(&a.remaining))
        })
    }

    /// Returns the name of the limit: `key` or `workspace`.
    pub(crate) fn policy(&self) -> &'static str {
        match self.policy {
            Policy::Key => "key",
            Policy::Workspace => "workspace",
        }
    }

    /// Returns the limit: requests per minute.
    pub(crate) fn per_minute(&self) -> NonZeroU32 {
        self.per_minute
    }

    /// Returns the number of whole requests that remain.
    pub(crate) fn remaining(&self) -> f64 {
        self.remaining.floor()
    }

    /// Returns the time until the whole limit is available again.
    pub(crate) fn reset_after(&self) -> Duration {
        self.available_after(f64::from(self.per_minute.get()))
    }

    /// Returns the time until this many requests are available.
    fn available_after(&self, requests: f64) -> Duration {
        let missing = (requests - self.remaining).max(0.0);
        Duration::from_secs_f64(missing * 60.0 / f64::from(self.per_minute.get()))
    }
}

fn rate_limited(request: &HttpRequest, quota: RequestQuota) -> ApiError {
    request.extensions_mut().insert(quota);
    count_decision(match quota.policy {
        Policy::Key => "limited",
        Policy::Workspace => "workspace_limited",
    });
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

#[cfg(test)]
mod tests {
    use devices_domain::TokenBucket;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some(5.5), Some(70.0), "key")]
    #[case(Some(50.0), Some(7.0), "workspace")]
    #[case(Some(0.0), None, "key")]
    #[case(None, Some(0.0), "workspace")]
    // The key refills more slowly, so the client has to wait for it.
    #[case(Some(0.5), Some(0.0), "key")]
    fn tightest_quota_is_reported(
        #[case] key: Option<f64>,
        #[case] workspace: Option<f64>,
        #[case] policy: &str,
    ) {
        let bucket = |remaining| TokenBucket {
            is_allowed: true,
            remaining,
        };
        let decision = RateLimitDecision {
            key: key.map(bucket),
            workspace: workspace.map(bucket),
        };
        let limits = RateLimits {
            key: NonZeroU32::new(100),
            workspace: NonZeroU32::new(1_000),
        };
        let quota = RequestQuota::tightest(decision, limits).unwrap();
        assert_eq!(quota.policy(), policy);
    }
}
