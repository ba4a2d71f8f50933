//! Fields that there are not.

use std::borrow::Cow;

use super::{Field, FieldTable};
use crate::validation::error::{ErrorCode, FieldError, Reason, Related};

/// What to do with a field that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnknownFields {
    /// It is an error: dropping it in silence would lose data.
    #[default]
    Reject,
    /// It is ignored: whoever sent it asked for that.
    Ignore,
}

/// The longest unknown name that is repeated to its sender, in bytes; the API's own longest has 26.
const MAX_SHOWN_NAME: usize = 255;

pub(super) fn unknown_field(sent: &str, table: &FieldTable) -> FieldError {
    let noun = table.noun;
    let names: Vec<_> = table.fields.iter().map(Field::name).collect();
    match nearest_name(sent, &names) {
        Some(near) => {
            let detail = format!("is no field of {noun}; did you mean `{near}`?");
            about(sent, table, Reason::UnknownField, detail).with(Related::DidYouMean(near))
        }
        None => about(
            sent,
            table,
            Reason::UnknownField,
            format!("is no field of {noun}"),
        ),
    }
}

/// Also where unknown fields are ignored: a sender who says something twice contradicts itself.
pub(super) fn repeated_unknown_field(sent: &str, table: &FieldTable) -> FieldError {
    about(sent, table, Reason::RepeatedField, "is given twice")
}

/// An error of a name that its sender made up; one that is too long is not repeated to him.
fn about(
    sent: &str,
    table: &FieldTable,
    reason: Reason,
    detail: impl Into<Cow<'static, str>>,
) -> FieldError {
    let length = sent.len();
    if length > MAX_SHOWN_NAME {
        let noun = table.noun;
        let detail = format!("holds what is no field of {noun}; its name has {length} bytes");
        return FieldError::whole(ErrorCode::InvalidField, reason, detail);
    }
    FieldError::of(sent.to_owned(), ErrorCode::InvalidField, reason, detail)
}

/// The one of `names` that was probably meant: one that differs in case and separators only, or by
/// about a letter in four, or that is the only one to hold what was sent.
pub fn nearest_name(sent: &str, names: &[&'static str]) -> Option<&'static str> {
    const LONGEST: usize = 40;
    if sent.len() > LONGEST {
        return None;
    }
    let plain = |name: &str| -> String {
        name.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let sent = plain(sent);
    let names = || names.iter().map(|name| (*name, plain(name)));

    let farthest = (sent.len().max(4) / 4).min(sent.len().saturating_sub(1));
    let nearest = names()
        // Names differ by at least as many letters as their lengths do.
        .filter(|(_, candidate)| candidate.len().abs_diff(sent.len()) <= farthest)
        .map(|(name, candidate)| (name, strsim::damerau_levenshtein(&sent, &candidate)))
        .min_by_key(|(_, distance)| *distance);
    if let Some((name, distance)) = nearest
        && distance <= farthest
    {
        return Some(name);
    }
    let mut holding = names().filter(|(_, candidate)| {
        sent.len() >= 4 && (candidate.contains(&sent) || sent.contains(candidate))
    });
    match (holding.next(), holding.next()) {
        (Some((only, _)), None) => Some(only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::device::fields;

    #[rstest]
    #[case("client_warranty_end_date", Some("client_warranty_endDate"))]
    #[case("clientWarrantyEndDate", Some("client_warranty_endDate"))]
    #[case("Name", Some("name"))]
    #[case("serial", Some("serial_number"))]
    #[case("serialnumber", Some("serial_number"))]
    #[case("colour", Some("color"))]
    #[case("keyboard", Some("keyboard_layout"))]
    #[case("warranty_end_date", Some("client_warranty_endDate"))]
    #[case("price", None)]
    #[case("x", None)]
    #[case("", None)]
    #[case("mac_address", None)]
    fn names_the_field_that_was_probably_meant(
        #[case] sent: &str,
        #[case] meant: Option<&'static str>,
    ) {
        let names: Vec<_> = fields().iter().map(Field::name).collect();
        assert_eq!(nearest_name(sent, &names), meant);
    }
}
