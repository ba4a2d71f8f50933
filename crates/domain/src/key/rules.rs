//! Rules for managing keys with a key (ADR 43): a key grants no more than it has, and a workspace
//! keeps an ADMIN key.

use chrono::{DateTime, Utc};

use crate::access::{ApiKey, Scope};

/// Rule that forbids a key to create, rotate or revoke a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRestriction {
    /// The new key would have a wider scope than the acting key.
    WiderScope,
    /// The new key would end after the acting key.
    OutlivesActor,
    /// The acting key was rotated, and would replace itself again.
    RotatesItselfAgain,
    /// No other active ADMIN key lasts as long as the one to revoke.
    LastAdmin,
}

/// Returns whether an end is earlier than another. `None` is never.
fn ends_before(end: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> bool {
    match (end, other) {
        (Some(end), Some(other)) => end < other,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

impl ApiKey {
    /// Returns the time at which the key stops working by itself: that of its expiry or, if it was
    /// rotated, of the end of the overlap. `None` for never.
    #[must_use]
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        [self.expires_at, self.retires_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns the expiry of a key that replaces this one now, with the same lifetime.
    #[must_use]
    pub fn renewed_expiry(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let lifetime = self.expires_at? - self.created_at;
        now.checked_add_signed(lifetime)
    }

    /// Checks that this key may create a key with this scope and expiry.
    ///
    /// # Errors
    /// If the new key would have a wider scope than this key, or end after it.
    pub fn check_grant(
        &self,
        scope: Scope,
        expires_at: Option<DateTime<Utc>>,
    ) -> Result<(), KeyRestriction> {
        if !self.scope.allows(scope) {
            return Err(KeyRestriction::WiderScope);
        }
        if ends_before(self.ends_at(), expires_at) {
            return Err(KeyRestriction::OutlivesActor);
        }
        Ok(())
    }

    /// Returns the expiry of the key that replaces `old` in a rotation by this key. A key that
    /// rotates itself keeps its expiry: a leaked key could otherwise extend its life.
    ///
    /// # Errors
    /// If this key may not grant the new key, or was rotated and rotates itself again: the new key
    /// would end with the overlap, long before its owner expects it.
    pub fn expiry_of_rotation(
        &self,
        old: &Self,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, KeyRestriction> {
        if old.id == self.id {
            return if self.retires_at.is_some() {
                Err(KeyRestriction::RotatesItselfAgain)
            } else {
                Ok(self.expires_at)
            };
        }
        let expires_at = old.renewed_expiry(now);
        self.check_grant(old.scope, expires_at)?;
        Ok(expires_at)
    }

    /// Checks that this active key may be revoked while these other ADMIN keys are active. Keys of
    /// other scopes always may.
    ///
    /// # Errors
    /// If this is an ADMIN key, and all others end before it.
    pub fn check_revocation(&self, other_admins: &[Self]) -> Result<(), KeyRestriction> {
        let lasts = |other: &Self| !ends_before(other.ends_at(), self.ends_at());
        if self.scope != Scope::Admin || other_admins.iter().any(lasts) {
            Ok(())
        } else {
            Err(KeyRestriction::LastAdmin)
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rstest::rstest;

    use super::*;
    use crate::ids::{KeyId, WorkspaceId};

    /// Returns a time some days after the test keys were created.
    fn day(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    /// Creates an ADMIN key that expires, and retires, on these days.
    fn admin(id: i64, expires_on: Option<i64>, retires_on: Option<i64>) -> ApiKey {
        ApiKey {
            id: KeyId(id),
            workspace_id: WorkspaceId(1),
            name: "admin".to_owned(),
            secret_prefix: None,
            scope: Scope::Admin,
            created_at: day(0),
            expires_at: expires_on.map(day),
            revoked_at: None,
            retires_at: retires_on.map(day),
            last_used_at: None,
        }
    }

    #[rstest]
    #[case(Scope::Read, &[Scope::Read])]
    #[case(Scope::Write, &[Scope::Read, Scope::Write])]
    #[case(Scope::Admin, &[Scope::Read, Scope::Write, Scope::Admin])]
    fn key_grants_no_wider_scope(#[case] scope: Scope, #[case] granted: &[Scope]) {
        let actor = ApiKey {
            scope,
            ..admin(1, None, None)
        };
        for scope in Scope::ALL {
            let expected = if granted.contains(scope) {
                Ok(())
            } else {
                Err(KeyRestriction::WiderScope)
            };
            assert_eq!(actor.check_grant(*scope, None), expected);
        }
    }

    #[rstest]
    #[case(None, None, None, true)]
    #[case(None, None, Some(900), true)]
    #[case(Some(30), None, Some(30), true)]
    #[case(Some(30), None, Some(31), false)]
    #[case(Some(30), None, None, false)]
    #[case(None, Some(1), Some(2), false)]
    #[case(Some(30), Some(1), Some(2), false)]
    fn new_key_does_not_outlive_its_creator(
        #[case] expires_on: Option<i64>,
        #[case] retires_on: Option<i64>,
        #[case] new: Option<i64>,
        #[case] is_allowed: bool,
    ) {
        let actor = admin(1, expires_on, retires_on);
        let granted = actor.check_grant(Scope::Read, new.map(day));
        assert_eq!(granted.is_ok(), is_allowed, "{granted:?}");
    }

    #[test]
    fn rotation_renews_the_lifetime_of_another_key() {
        let old = admin(2, Some(30), None);
        let by = |actor: ApiKey| actor.expiry_of_rotation(&old, day(20));
        assert_eq!(by(admin(1, None, None)), Ok(Some(day(50))));
        assert_eq!(by(admin(1, Some(50), None)), Ok(Some(day(50))));
        let outlives = Err(KeyRestriction::OutlivesActor);
        assert_eq!(by(admin(1, Some(49), None)), outlives);
        let unlimited = admin(2, None, None);
        let rotated = admin(1, Some(49), None).expiry_of_rotation(&unlimited, day(20));
        assert_eq!(rotated, outlives);
    }

    #[test]
    fn key_that_rotates_itself_keeps_its_expiry() {
        let rotate = |key: ApiKey| key.expiry_of_rotation(&key, day(20));
        assert_eq!(rotate(admin(1, Some(30), None)), Ok(Some(day(30))));
        assert_eq!(rotate(admin(1, None, None)), Ok(None));
        let again = rotate(admin(1, None, Some(21)));
        assert_eq!(again, Err(KeyRestriction::RotatesItselfAgain));
    }

    #[rstest]
    #[case(admin(1, None, None), &[], false)]
    #[case(admin(1, None, None), &[admin(2, None, None)], true)]
    #[case(admin(1, None, None), &[admin(2, Some(9_000), None)], false)]
    #[case(admin(1, None, None), &[admin(2, None, Some(1))], false)]
    #[case(admin(1, None, Some(1)), &[admin(2, Some(30), None)], true)]
    #[case(admin(1, Some(30), None), &[admin(2, Some(29), None), admin(3, Some(30), None)], true)]
    fn longest_lasting_admin_key_is_not_revoked(
        #[case] key: ApiKey,
        #[case] others: &[ApiKey],
        #[case] is_allowed: bool,
    ) {
        assert_eq!(key.check_revocation(others).is_ok(), is_allowed);
    }

    #[test]
    fn keys_of_other_scopes_are_always_revoked() {
        let key = ApiKey {
            scope: Scope::Write,
            ..admin(1, None, None)
        };
        assert_eq!(key.check_revocation(&[]), Ok(()));
    }
}
