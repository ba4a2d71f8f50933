//! Times of change.

use chrono::{DateTime, TimeDelta, Utc};

diesel::define_sql_function! {
    /// The current time of the database, which advances within a transaction. It is read with the
    /// lock of a row and sent with the change: a cluster rejects volatile functions in UPDATE.
    fn clock_timestamp() -> Timestamptz;
}

/// Returns an instant after the last change of a row. The clock may have been set back since then,
/// and the times of change must rise.
pub(crate) fn next_updated_at(now: DateTime<Utc>, updated_at: DateTime<Utc>) -> DateTime<Utc> {
    now.max(updated_at + TimeDelta::microseconds(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_change_rises_if_the_clock_does_not() {
        let updated_at = DateTime::from_timestamp_micros(1_000).unwrap();
        let earlier = DateTime::from_timestamp_micros(1).unwrap();
        let later = DateTime::from_timestamp_micros(2_000).unwrap();
        assert_eq!(next_updated_at(later, updated_at), later);
        for now in [earlier, updated_at] {
            let next = DateTime::from_timestamp_micros(1_001).unwrap();
            assert_eq!(next_updated_at(now, updated_at), next);
        }
    }
}
