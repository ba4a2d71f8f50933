//! Minimum rate at which a client must read.

use std::time::Duration;

use tokio::time::Instant;

/// Time for which writing to a client may block. Every written byte adds to it, up to a maximum, as
/// in a token bucket: a client may pause for the maximum, and must read at the minimum rate on
/// average. Only the time in which writing is blocked counts.
#[derive(Debug)]
pub(super) struct WriteAllowance {
    max: Duration,
    bytes_per_second: u64,
    left: Duration,
    blocked_at: Option<Instant>,
}

impl WriteAllowance {
    pub(super) fn new(max: Duration, bytes_per_second: u64) -> Self {
        Self {
            max,
            bytes_per_second,
            left: max,
            blocked_at: None,
        }
    }

    /// Records that writing is blocked, or still is.
    pub(super) fn block(&mut self) {
        self.blocked_at.get_or_insert_with(Instant::now);
    }

    /// Records that the socket accepted this number of bytes.
    pub(super) fn add_written(&mut self, bytes: usize) {
        if let Some(blocked_at) = self.blocked_at.take() {
            self.left = self.left.saturating_sub(blocked_at.elapsed());
        }
        // The usual case: writing never blocks.
        if self.left < self.max {
            let earned = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
            self.left = self.max.min(self.left + earned);
        }
    }

    /// Returns the time at which the allowance is used up, if writing is blocked.
    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.blocked_at? + self.left)
    }

    /// Returns the time since which writing would have been blocked if the allowance had been full
    /// then. It is earlier for clients that have been slow before.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.deadline()?.checked_sub(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(20);

    fn blocked_for(allowance: &mut WriteAllowance, duration: Duration) {
        allowance.blocked_at = Instant::now().checked_sub(duration);
    }

    fn left(allowance: &WriteAllowance) -> u64 {
        allowance.left.as_secs()
    }

    #[test]
    fn blocked_time_uses_up_the_allowance() {
        let mut allowance = WriteAllowance::new(MAX, 1_000);
        assert_eq!(allowance.deadline(), None);
        blocked_for(&mut allowance, Duration::from_secs(30));
        assert!(allowance.deadline() < Some(Instant::now()));
        allowance.add_written(1);
        assert_eq!(left(&allowance), 0);
    }

    #[test]
    fn written_bytes_extend_the_allowance() {
        let mut allowance = WriteAllowance::new(MAX, 1_000);
        blocked_for(&mut allowance, Duration::from_secs(15));
        allowance.add_written(4_500);
        assert_eq!(left(&allowance), 9);
        allowance.add_written(1_000_000);
        assert_eq!(allowance.left, MAX);
    }

    #[test]
    fn slower_client_has_stalled_longer() {
        let mut slow = WriteAllowance::new(MAX, 1_000);
        blocked_for(&mut slow, Duration::from_secs(15));
        slow.add_written(1);
        slow.block();
        let mut fast = WriteAllowance::new(MAX, 1_000);
        fast.block();
        assert!(slow.stalled_since() < fast.stalled_since());
    }
}
