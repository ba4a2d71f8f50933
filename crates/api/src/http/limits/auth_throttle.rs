//! Failed authentication, limited by the address that it comes from.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::limits::ttl_map::TtlMap;

const MINUTE: Duration = Duration::from_secs(60);

/// How often each address failed to show a key that works. Kept by this process alone.
///
/// An address that failed too often is answered without a look-up where what it shows cannot be a
/// key. What could be one is looked up all the same, one at a time: others may share the address, and
/// behind a proxy that is not told of all do.
pub(crate) struct AuthThrottle {
    per_minute: u32,
    /// How often each address failed in the minute that began with its first failure.
    failed: TtlMap<IpAddr, u32>,
    /// Keys that worked, by their hashes: they need not wait for their turn.
    worked: TtlMap<[u8; 32], ()>,
    turn: Semaphore,
}

impl AuthThrottle {
    /// `per_minute` failures are let pass; any number where it is 0.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            failed: TtlMap::default(),
            worked: TtlMap::default(),
            turn: Semaphore::new(1),
        }
    }

    /// How long it takes until the address may fail again, if it has failed too often.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<Duration> {
        let (times, left) = self.failed.get(&block(address))?;
        (times >= self.per_minute).then_some(left)
    }

    /// The turn to look up a key at an address that has failed too often, if nobody has it.
    pub(crate) fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turn.try_acquire().ok()
    }

    /// Counts one that failed; whether it was the last that may.
    pub(crate) fn failed(&self, address: IpAddr) -> bool {
        if self.per_minute == 0 {
            return false;
        }
        let count = |times: u32| times.saturating_add(1);
        self.failed.change(block(address), MINUTE, 0, count) == self.per_minute
    }

    /// Whether the key worked lately, and was not seen to work no longer.
    pub(crate) fn knows(&self, key: [u8; 32]) -> bool {
        self.worked.get(&key).is_some()
    }

    /// Remembers a key that worked, or forgets one that works no longer.
    pub(crate) fn remember(&self, key: [u8; 32], works: bool) {
        self.worked.remove(&key);
        if works && self.per_minute > 0 {
            self.worked.change(key, 10 * MINUTE, (), |()| ());
        }
    }
}

/// What one client holds of addresses: of IPv6, whole networks of 64 bits.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(network.into())
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_address_waits_after_as_many_failures_as_are_let_pass_and_others_do_not() {
        let failures = AuthThrottle::new(2);
        assert_eq!(failures.wait(HERE), None);
        assert!(!failures.failed(HERE));
        assert_eq!(failures.wait(HERE), None);
        assert!(failures.failed(HERE));
        let wait = failures.wait(HERE).unwrap();
        assert!(wait > Duration::from_secs(50) && wait <= MINUTE, "{wait:?}");
        assert_eq!(failures.wait([10, 0, 0, 1].into()), None);
    }

    #[test]
    fn one_key_has_its_turn_at_a_time() {
        let failures = AuthThrottle::new(1);
        let turn = failures.turn();
        assert!(turn.is_some() && failures.turn().is_none());
        drop(turn);
        assert!(failures.turn().is_some());
    }

    #[test]
    fn a_key_that_worked_lately_is_known_until_it_fails() {
        let failures = AuthThrottle::new(1);
        failures.remember([1; 32], true);
        assert!(failures.knows([1; 32]) && !failures.knows([2; 32]));
        failures.remember([1; 32], false);
        assert!(!failures.knows([1; 32]));
    }

    #[test]
    fn nobody_waits_where_any_number_may_fail() {
        let failures = AuthThrottle::new(0);
        failures.failed(HERE);
        assert_eq!(failures.wait(HERE), None);
    }

    #[test]
    fn the_addresses_of_one_network_are_one_client() {
        let of = |text: &str| block(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
