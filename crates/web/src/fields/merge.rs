//! Three-way merge of a field: its text when a form was shown, the sent one and the stored one.

use devices_domain::Field;

use super::form_text::is_same_value;
use crate::query::Pairs;

/// Prefix of the names of the hidden values with which a form was shown.
const BASE: &str = "base.";

/// Result of the merge of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Neither the form nor somebody else changed the field.
    Unchanged,
    /// Only the form changed the field.
    Mine,
    /// Only somebody else changed the field.
    Theirs,
    /// The form changed the field to the value that is stored already.
    Stored,
    /// Both changed the field, to different values.
    Conflict,
}

impl Merge {
    /// Merges the texts of a field.
    pub(crate) fn new(field: &Field, base: &str, sent: &str, stored: &str) -> Self {
        let is_changed_by_others = !is_same_value(field, base, stored);
        if is_same_value(field, base, sent) {
            if is_changed_by_others {
                Self::Theirs
            } else {
                Self::Unchanged
            }
        } else if is_same_value(field, sent, stored) {
            Self::Stored
        } else if is_changed_by_others {
            Self::Conflict
        } else {
            Self::Mine
        }
    }
}

/// Returns the text of a field with which a form was shown.
pub(crate) fn base<'p>(sent: &'p Pairs, field: &Field) -> &'p str {
    sent.raw(&base_name(field.name())).unwrap_or_default()
}

/// Returns the name of the hidden value with which a field was shown.
pub(crate) fn base_name(name: &str) -> String {
    format!("{BASE}{name}")
}

#[cfg(test)]
mod tests {
    use devices_domain::field;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1", "1", "1", Merge::Unchanged)]
    #[case("1", "2", "1", Merge::Mine)]
    #[case("1", "1", "2", Merge::Theirs)]
    #[case("1", "2", "2", Merge::Stored)]
    #[case("1", "2", "3", Merge::Conflict)]
    #[case("1", "", "3", Merge::Conflict)]
    #[case("a\nb", "a\r\nb ", "a\nb", Merge::Unchanged)]
    fn texts_are_merged(
        #[case] base: &str,
        #[case] sent: &str,
        #[case] stored: &str,
        #[case] expected: Merge,
    ) {
        let field = field("comment").unwrap();
        assert_eq!(Merge::new(field, base, sent, stored), expected);
    }
}
