//! Changes that a form makes, compared with those that others made since it was rendered.

use devices_domain::{RawRow, user_fields};

use crate::fields::{Merge, base, change_row, form_text};
use crate::query::Pairs;

/// Difference between a form, the values that it was rendered with, and the stored values.
pub(super) struct UserChanges {
    /// Fields that the form changes, with their new values.
    pub(super) row: RawRow<'static>,
    /// `true` if all changes of the form are stored already.
    pub(super) is_stored: bool,
    /// Names of the fields that the form changes, and others have changed to another value.
    pub(super) conflicts: Vec<&'static str>,
    /// `true` if others have changed fields that the form does not change.
    pub(super) has_other_changes: bool,
}

impl UserChanges {
    /// Compares a form with the stored values.
    pub(super) fn new(stored: &RawRow<'_>, sent: &Pairs) -> Self {
        let mut changes = Self {
            row: RawRow::for_user(),
            is_stored: false,
            conflicts: Vec::new(),
            has_other_changes: false,
        };
        for field in user_fields() {
            let name = field.name();
            let Some(after) = sent.raw(name) else {
                continue;
            };
            let stored = form_text(stored.get(name));
            let merge = Merge::new(field, base(sent, field), after, &stored);
            match merge {
                Merge::Unchanged => {}
                Merge::Theirs => changes.has_other_changes = true,
                Merge::Stored => changes.is_stored = true,
                Merge::Mine | Merge::Conflict => {
                    change_row(&mut changes.row, field, &stored, after);
                }
            }
            if merge == Merge::Conflict {
                changes.conflicts.push(name);
            }
        }
        changes.is_stored &= changes.is_empty();
        changes
    }

    /// Returns whether the stored values are already those of the form.
    pub(super) fn is_empty(&self) -> bool {
        self.row.present_fields().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use devices_domain::RawValue;
    use rstest::rstest;

    use super::*;

    /// Compares the phone number in a form with the stored one. The position was "Designer" when
    /// the form was rendered.
    #[rstest]
    #[case(("1", "1"), ("1", "Designer"), None, false, false)]
    #[case(("1", "2"), ("1", "Designer"), Some("2"), false, false)]
    #[case(("1", ""), ("1", "Designer"), Some(""), false, false)]
    #[case(("1", "2"), ("3", "Designer"), Some("2"), true, false)]
    #[case(("1", "2"), ("2", "Designer"), None, false, false)]
    #[case(("1", "1"), ("3", "Designer"), None, false, true)]
    #[case(("1", "2"), ("1", "CTO"), Some("2"), false, true)]
    fn form_keeps_the_changes_of_others(
        #[case] (before, after): (&str, &str),
        #[case] stored: (&'static str, &'static str),
        #[case] change: Option<&str>,
        #[case] is_conflict: bool,
        #[case] has_other_changes: bool,
    ) {
        let mut row = RawRow::for_user();
        row.set("phone", RawValue::text(stored.0));
        row.set("position", RawValue::text(stored.1));
        let pairs = [
            ("base.phone", before),
            ("phone", after),
            ("base.position", "Designer"),
            ("position", "Designer"),
        ];
        let sent = Pairs(
            pairs
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
        );
        let changes = UserChanges::new(&row, &sent);
        let changed: Vec<_> = changes.row.present_fields().collect();
        let change = change.map(|value| ("phone", RawValue::text(value.to_owned())));
        let change: Vec<_> = change.iter().map(|(name, value)| (*name, value)).collect();
        assert_eq!(changed, change);
        assert_eq!(!changes.conflicts.is_empty(), is_conflict);
        assert_eq!(changes.has_other_changes, has_other_changes);
    }
}
