//! Users of rows that the workspace does not have: they are errors, created, or left out.

use std::collections::HashMap;

use super::batch::UpsertBatch;
use super::options::UnknownUsers;
use super::plan::{PlannedRow, UpsertPlan};
use crate::device::DeviceFields;
use crate::field::Email;
use crate::ids::UserId;
use crate::ports::{LookupResult, UserQuota};
use crate::validation::conflict_errors::user_quota_error;
use crate::validation::error::FieldError;
use crate::validation::external_refs::ExternalRefs;

/// User that a row assigns its device to.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowUser<'a> {
    /// The user as the row states it.
    AsSent,
    /// The user with this address, which the batch creates.
    New(&'a Email),
    /// The user that remains because another reference of the row is unknown. `None`: the row
    /// assigns nothing.
    Remaining(Option<UserId>),
}

impl UpsertBatch {
    /// Returns the user that a row assigns, and the references of the row without the unknown ones
    /// that are no errors.
    pub(super) fn row_user<'a>(
        &self,
        mut refs: ExternalRefs<'a>,
        found: &LookupResult,
    ) -> (RowUser<'a>, ExternalRefs<'a>) {
        let conflicts = &found.conflicts;
        let is_unknown_user = |user: &UserId| conflicts.unknown_users.contains(user);
        let is_unknown_email = |email: &&Email| conflicts.unknown_emails.contains(email.folded());
        let unknown_email = refs.user_email.filter(is_unknown_email);
        match self.options.unknown_users {
            // No user can be created with the id that the row states.
            UnknownUsers::Create if refs.user.is_none() => match unknown_email {
                Some(email) => {
                    refs.user_email = None;
                    (RowUser::New(email), refs)
                }
                None => (RowUser::AsSent, refs),
            },
            UnknownUsers::LeaveOut
                if unknown_email.is_some()
                    || refs.user.is_some_and(|user| is_unknown_user(&user)) =>
            {
                refs.user = refs.user.filter(|user| !is_unknown_user(user));
                refs.user_email = refs.user_email.filter(|email| !is_unknown_email(email));
                let by_email = refs.user_email.map(Email::folded);
                let by_email = by_email.and_then(|email| found.users_by_email.get(email));
                (RowUser::Remaining(by_email.copied().or(refs.user)), refs)
            }
            UnknownUsers::Create | UnknownUsers::LeaveOut | UnknownUsers::Error => {
                (RowUser::AsSent, refs)
            }
        }
    }
}

/// Users that a batch creates, in the order of the rows that refer to them first.
///
/// Until they are stored, placeholders stand for their ids: negative numbers, which no stored user
/// has.
#[derive(Debug)]
pub(super) struct NewUsers<'a> {
    quota: Option<UserQuota>,
    emails: Vec<&'a Email>,
    /// Placeholders by folded address.
    placeholders: HashMap<&'a str, UserId>,
}

impl<'a> NewUsers<'a> {
    pub(super) fn new(quota: Option<UserQuota>) -> Self {
        Self {
            quota,
            emails: Vec::new(),
            placeholders: HashMap::new(),
        }
    }

    /// Returns the placeholder for the id of a user. It is that of the next user to
    /// [add](Self::add), unless the user was added.
    pub(super) fn placeholder(&self, email: &Email) -> UserId {
        let placeholder = self.placeholders.get(email.folded());
        placeholder.copied().unwrap_or_else(|| self.next())
    }

    /// Returns an error if this user exceeds the quota of users.
    pub(super) fn quota_error(&self, email: &Email) -> Option<FieldError> {
        let UserQuota { max, held } = self.quota?;
        let added = self.emails.len() as u64;
        let is_exceeded = !self.placeholders.contains_key(email.folded()) && held + added >= max;
        is_exceeded.then(|| user_quota_error(max))
    }

    /// Adds the user of a row that is stored.
    pub(super) fn add(&mut self, user: RowUser<'a>) {
        let RowUser::New(email) = user else { return };
        let next = self.next();
        if *self.placeholders.entry(email.folded()).or_insert(next) == next {
            self.emails.push(email);
        }
    }

    /// Returns the addresses of the users.
    pub(super) fn into_emails(self) -> Vec<&'a Email> {
        self.emails
    }

    fn next(&self) -> UserId {
        UserId(-1 - self.emails.len() as i64)
    }
}

impl UpsertPlan<'_> {
    /// Replaces the placeholders for the ids of the [new users](Self::new_users) by their ids,
    /// which have the same order.
    pub fn set_user_ids(&mut self, ids: &[UserId]) {
        debug_assert_eq!(ids.len(), self.new_users.len(), "every new user has an id");
        let replace = |user: &mut Option<UserId>| {
            let position = user.and_then(|user| usize::try_from(-1 - user.0).ok());
            if let Some(id) = position.and_then(|position| ids.get(position)) {
                *user = Some(*id);
            }
        };
        for row in &mut self.rows {
            match row {
                PlannedRow::Create { assignee, .. } => replace(assignee),
                PlannedRow::Update { fields, .. } => replace(&mut fields.ownership.user_id),
                PlannedRow::Unchanged(_) | PlannedRow::Skip(_) | PlannedRow::Fail(_) => {}
            }
        }
    }
}

/// Assigns a changed device to the user of its row. `before` are the fields before the change.
pub(super) fn assign(
    fields: &mut DeviceFields,
    before: &DeviceFields,
    user: RowUser<'_>,
    users: &NewUsers<'_>,
) {
    match user {
        RowUser::AsSent => {}
        RowUser::New(email) => fields.ownership.user_id = Some(users.placeholder(email)),
        RowUser::Remaining(user) => {
            fields.ownership.user_id = user.or(before.ownership.user_id);
        }
    }
}
