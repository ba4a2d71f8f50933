//! Limits failed authentications per client address.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::limits::client_network::client_network;
use crate::http::limits::ttl_map::TtlMap;

/// Period in which the failures of an address are counted.
const PERIOD: Duration = Duration::from_secs(60);

/// Time for which a valid key needs no lookup slot.
const VALID_TTL: Duration = Duration::from_secs(600);

/// Counts failed authentications per client address, in this process only.
///
/// A failure from a throttled address is a 429 instead of a 401. Tokens with the format of a key
/// are still looked up, one at a time: other clients may share the address, and all of them do
/// behind a proxy that is not configured.
pub(crate) struct AuthThrottle {
    /// Failures per minute and address; 0 means unlimited.
    per_minute: u32,
    /// Failures of each address in the minute that began with its first failure.
    failures: TtlMap<IpAddr, u32>,
    /// Hashes of recently valid keys. They need no lookup slot.
    valid_keys: TtlMap<[u8; 32], ()>,
    lookup_slot: Semaphore,
}

impl AuthThrottle {
    /// Creates a throttle that allows `per_minute` failures for each address; 0 means unlimited.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            failures: TtlMap::default(),
            valid_keys: TtlMap::default(),
            lookup_slot: Semaphore::new(1),
        }
    }

    /// Returns the time until the throttle on the address ends, if it is throttled.
    pub(crate) fn retry_after(&self, address: IpAddr) -> Option<Duration> {
        let (failures, remaining) = self.failures.get(&client_network(address))?;
        (failures >= self.per_minute).then_some(remaining)
    }

    /// Takes the slot for looking up a key from a throttled address, if it is free.
    pub(crate) fn lookup_slot(&self) -> Option<SemaphorePermit<'_>> {
        self.lookup_slot.try_acquire().ok()
    }

    /// Counts a failure. Returns `true` if the address is throttled from this failure on.
    pub(crate) fn record_failure(&self, address: IpAddr) -> bool {
        if self.per_minute == 0 {
            return false;
        }
        let increment = |failures: u32| failures.saturating_add(1);
        let failures = self
            .failures
            .upsert(client_network(address), PERIOD, 0, increment);
        failures == self.per_minute
    }

    /// Returns whether the key was valid in the last ten minutes, and not found invalid since.
    pub(crate) fn recently_valid(&self, key_hash: [u8; 32]) -> bool {
        self.valid_keys.get(&key_hash).is_some()
    }

    /// Records that a key was found valid.
    pub(crate) fn record_valid(&self, key_hash: [u8; 32]) {
        // An existing entry would keep its expiry.
        self.valid_keys.remove(&key_hash);
        if self.per_minute > 0 {
            self.valid_keys.upsert(key_hash, VALID_TTL, (), |()| ());
        }
    }

    /// Records that a key was found invalid.
    pub(crate) fn record_invalid(&self, key_hash: [u8; 32]) {
        self.valid_keys.remove(&key_hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn address_is_throttled_at_the_limit() {
        let throttle = AuthThrottle::new(2);
        assert_eq!(throttle.retry_after(ADDRESS), None);
        assert!(!throttle.record_failure(ADDRESS));
        assert_eq!(throttle.retry_after(ADDRESS), None);
        assert!(throttle.record_failure(ADDRESS));
        let wait = throttle.retry_after(ADDRESS).unwrap();
        assert!(wait > Duration::from_secs(50) && wait <= PERIOD, "{wait:?}");
        assert_eq!(throttle.retry_after([10, 0, 0, 1].into()), None);
    }

    #[test]
    fn lookup_slot_is_exclusive() {
        let throttle = AuthThrottle::new(1);
        let slot = throttle.lookup_slot();
        assert!(slot.is_some() && throttle.lookup_slot().is_none());
        drop(slot);
        assert!(throttle.lookup_slot().is_some());
    }

    #[test]
    fn key_is_recently_valid_until_it_fails() {
        let throttle = AuthThrottle::new(1);
        throttle.record_valid([1; 32]);
        assert!(throttle.recently_valid([1; 32]) && !throttle.recently_valid([2; 32]));
        throttle.record_invalid([1; 32]);
        assert!(!throttle.recently_valid([1; 32]));
    }

    #[test]
    fn limit_of_zero_never_throttles() {
        let throttle = AuthThrottle::new(0);
        throttle.record_failure(ADDRESS);
        assert_eq!(throttle.retry_after(ADDRESS), None);
    }
}
