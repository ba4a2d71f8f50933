//! Retries of failed requests.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::error::ClientError;

/// Number of attempts and the delays between them.
///
/// Retries lost connections, and the statuses 408, 429, 502, 503 and 504, and 409 while an earlier
/// attempt of the same import is in progress. Only requests that change nothing, and imports with
/// an idempotency key, are retried. A delay doubles each time, and is at least the `Retry-After` of
/// the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Maximum number of attempts, including the first.
    pub max_attempts: u32,
    /// Delay before the second attempt.
    pub first_delay: Duration,
    /// Maximum of a delay without `Retry-After`.
    pub max_delay: Duration,
    /// Maximum of a `Retry-After`. A longer one fails the request at once.
    pub max_retry_after: Duration,
}

/// At most 5 attempts within some 8 seconds, or longer if `Retry-After` demands it.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// Returns a policy for long work without a person who waits: at most 20 attempts within some
    /// three minutes.
    pub fn patient() -> Self {
        Self {
            max_attempts: 20,
            ..Self::default()
        }
    }

    /// Returns the delay after a failed attempt. `None`: no more attempts.
    pub(crate) fn delay(&self, attempt: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if attempt >= self.max_attempts || retry_after > Some(self.max_retry_after) {
            return None;
        }
        let factor = 1 << (attempt - 1).min(20);
        let delay = self.first_delay.saturating_mul(factor).min(self.max_delay);
        // Clients that failed together do not retry together.
        let random = RandomState::new().hash_one(attempt) % 1_000;
        let delay = delay.mul_f64(0.75 + random as f64 / 4_000.0);
        Some(delay.max(retry_after.unwrap_or_default()))
    }
}

/// A failed attempt that will be retried.
#[derive(Debug)]
pub struct Retry<'a> {
    /// Number of the failed attempt, from 1.
    pub attempt: u32,
    /// Time until the next attempt.
    pub delay: Duration,
    /// Error of the attempt.
    pub error: &'a ClientError,
    /// The server may have carried out the request, or may still do so.
    pub may_have_stored: bool,
}

/// Failure of one attempt.
pub(crate) struct Failure {
    pub(crate) error: ClientError,
    /// Another attempt may succeed.
    pub(crate) is_transient: bool,
    /// The server may have carried out the request, or may still do so.
    pub(crate) may_have_stored: bool,
    pub(crate) retry_after: Option<Duration>,
}

impl From<ClientError> for Box<Failure> {
    /// Converts an error to the failure of an attempt that would fail again.
    fn from(error: ClientError) -> Self {
        Box::new(Failure {
            error,
            is_transient: false,
            may_have_stored: false,
            retry_after: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum() {
        let policy = RetryPolicy {
            max_attempts: 9,
            ..RetryPolicy::default()
        };
        let delays: Vec<_> = (1..9)
            .map(|attempt| policy.delay(attempt, None).unwrap().as_secs_f64())
            .collect();
        let expected = [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0];
        for (delay, expected) in delays.iter().zip(expected) {
            assert!((0.75 * expected..=expected).contains(delay), "{delays:?}");
        }
        assert_eq!(policy.delay(9, None), None);
    }

    #[test]
    fn retry_after_is_a_minimum() {
        let delay = RetryPolicy::default().delay(1, Some(Duration::from_secs(7)));
        assert_eq!(delay, Some(Duration::from_secs(7)));
    }

    #[test]
    fn long_retry_after_ends_the_attempts() {
        let delay = RetryPolicy::default().delay(1, Some(Duration::from_secs(3_600)));
        assert_eq!(delay, None);
    }
}
