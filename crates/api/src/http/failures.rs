//! Failed authentication, limited by the address that it comes from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many addresses, and so many keys, are remembered; whoever brings more empties the list.
const MOST: usize = 100_000;

const MINUTE: Duration = Duration::from_secs(60);

/// How often each address failed to show a key that works. Kept by this process alone.
pub(super) struct Failures {
    per_minute: u32,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When the minute began in which an address fails, and how often it did.
    failed: HashMap<IpAddr, (Instant, u32)>,
    /// Keys that worked, by their hashes, and when: they pass wherever they come from, so that
    /// nobody is locked out by others behind the same address.
    worked: HashMap<[u8; 32], Instant>,
}

impl Failures {
    /// `per_minute` failures are let pass; any number where it is 0.
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            seen: Mutex::default(),
        }
    }

    /// How long the address must wait until a key of this hash is looked at, if it must.
    pub(super) fn wait(&self, address: IpAddr, key: Option<[u8; 32]>) -> Option<Duration> {
        if self.per_minute == 0 {
            return None;
        }
        let seen = self.seen();
        let (began, times) = seen.failed.get(&block(address))?;
        let left = MINUTE.checked_sub(began.elapsed())?;
        let worked = key.and_then(|key| seen.worked.get(&key));
        let is_known = worked.is_some_and(|at| at.elapsed() < 10 * MINUTE);
        (*times >= self.per_minute && !is_known).then_some(left)
    }

    /// Counts one that failed.
    pub(super) fn failed(&self, address: IpAddr) {
        if self.per_minute == 0 {
            return;
        }
        let mut seen = self.seen();
        if seen.failed.len() >= MOST {
            seen.failed.retain(|_, (began, _)| began.elapsed() < MINUTE);
            if seen.failed.len() >= MOST {
                seen.failed.clear();
            }
        }
        let now = Instant::now();
        let (began, times) = seen.failed.entry(block(address)).or_insert((now, 0));
        if began.elapsed() >= MINUTE {
            (*began, *times) = (now, 0);
        }
        *times = times.saturating_add(1);
    }

    /// Remembers a key that worked.
    pub(super) fn worked(&self, key: [u8; 32]) {
        if self.per_minute == 0 {
            return;
        }
        let mut seen = self.seen();
        if seen.worked.len() >= MOST {
            seen.worked.clear();
        }
        seen.worked.insert(key, Instant::now());
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What a panic left behind is still a list.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
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
        let failures = Failures::new(2);
        for _ in 0..2 {
            assert_eq!(failures.wait(HERE, None), None);
            failures.failed(HERE);
        }
        let wait = failures.wait(HERE, Some([1; 32])).unwrap();
        assert!(wait > Duration::from_secs(50) && wait <= MINUTE, "{wait:?}");
        assert_eq!(failures.wait([10, 0, 0, 1].into(), None), None);
    }

    #[test]
    fn a_key_that_worked_lately_does_not_wait() {
        let failures = Failures::new(1);
        failures.worked([1; 32]);
        failures.failed(HERE);
        assert_eq!(failures.wait(HERE, Some([1; 32])), None);
        assert!(failures.wait(HERE, Some([2; 32])).is_some());
        assert!(failures.wait(HERE, None).is_some());
    }

    #[test]
    fn nobody_waits_where_any_number_may_fail() {
        let failures = Failures::new(0);
        failures.failed(HERE);
        assert_eq!(failures.wait(HERE, None), None);
    }

    #[test]
    fn the_addresses_of_one_network_are_one_client() {
        let of = |text: &str| block(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
