//! States of keys.

use chrono::{DateTime, Utc};

use crate::access::ApiKey;
use crate::field::string_enum;

string_enum! {
    /// State of a key.
    KeyState {
        Active = "ACTIVE",
        /// Replaced by a rotation, and valid until the end of the overlap.
        Retiring = "RETIRING",
        /// Replaced by a rotation whose overlap has ended.
        Retired = "RETIRED",
        Expired = "EXPIRED",
        Revoked = "REVOKED",
    }
}

impl KeyState {
    /// Returns whether requests with the key are accepted.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Active | Self::Retiring)
    }
}

impl ApiKey {
    /// Returns the state of the key at this time. A key that was revoked after its end is revoked.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> KeyState {
        let has_passed = |end: Option<DateTime<Utc>>| end.is_some_and(|end| end <= now);
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if has_passed(self.expires_at) {
            KeyState::Expired
        } else if has_passed(self.retires_at) {
            KeyState::Retired
        } else if self.retires_at.is_some() {
            KeyState::Retiring
        } else {
            KeyState::Active
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;
    use crate::access::Scope;
    use crate::ids::{KeyId, WorkspaceId};

    #[rstest]
    #[case(None, None, None, KeyState::Active)]
    #[case(Some(6), None, None, KeyState::Active)]
    #[case(Some(5), None, None, KeyState::Expired)]
    #[case(None, Some(6), None, KeyState::Retiring)]
    #[case(Some(6), Some(5), None, KeyState::Retired)]
    #[case(Some(5), Some(5), Some(1), KeyState::Revoked)]
    fn state_follows_from_the_times(
        #[case] expires: Option<i64>,
        #[case] retires: Option<i64>,
        #[case] revoked: Option<i64>,
        #[case] expected: KeyState,
    ) {
        let hour = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let key = ApiKey {
            id: KeyId(1),
            workspace_id: WorkspaceId(1),
            name: "nightly import".to_owned(),
            secret_prefix: None,
            scope: Scope::Read,
            created_at: hour(0),
            expires_at: expires.map(hour),
            revoked_at: revoked.map(hour),
            retires_at: retires.map(hour),
            last_used_at: None,
        };
        assert_eq!(key.state(hour(5)), expected);
    }
}
