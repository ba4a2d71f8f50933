//! Values of fields as texts of form controls, and the rows that forms send.

use std::borrow::Cow;
use std::collections::HashSet;

use devices_domain::{Field, Format, InvalidValue, RawRow, RawValue, Reason};

use crate::query::Pairs;
use crate::texts::EN;

/// Returns the text with which a form control shows a value.
pub(crate) fn form_text(raw: &RawValue<'_>) -> String {
    match raw {
        RawValue::Text(text) => text.clone().into_owned(),
        RawValue::Integer(number) => number.to_string(),
        RawValue::Boolean(value) => value.to_string(),
        RawValue::List(items) => {
            let items: Vec<_> = items.iter().map(form_text).collect();
            items.join("\n")
        }
        RawValue::Object(members) => {
            let lines = members.iter();
            let lines = lines.map(|(key, value)| pair_line(key, &form_text(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Fills a row with the values of a form. A field that the form does not have stays absent; an
/// empty value clears the field in an update.
pub(crate) fn read_row(row: &mut RawRow<'_>, fields: &[&'static Field], sent: &Pairs) {
    for field in fields {
        if let Some(text) = sent.raw(field.name()) {
            set(row, field, text);
        }
    }
}

/// Fills a row with the change of one field from a text to another one.
pub(crate) fn change_row(row: &mut RawRow<'_>, field: &'static Field, before: &str, after: &str) {
    if !matches!(field.format(), Format::Attributes { .. }) {
        set(row, field, after);
        return;
    }
    // A patch merges the pairs that it sends: null removes a key (RFC 7396).
    let after = pairs(after);
    let kept: HashSet<_> = after.iter().map(|(key, _)| key.clone()).collect();
    let before = pairs(before).into_iter().map(|(key, _)| key);
    let removed = before.filter(|key| !kept.contains(key));
    let removed = removed.map(|key| (key.into(), RawValue::Null));
    let members = members(after).chain(removed).take(RawValue::MAX_MEMBERS);
    row.set(field.name(), RawValue::Object(members.collect()));
}

/// Returns whether two texts of a form control mean the same value.
pub(crate) fn is_same_value(field: &Field, left: &str, right: &str) -> bool {
    match field.format() {
        Format::Attributes { .. } => {
            let sorted = |text| {
                let mut pairs = pairs(text);
                pairs.sort();
                pairs
            };
            sorted(left) == sorted(right)
        }
        Format::TextList { .. } => lines(left).eq(lines(right)),
        _ => with_line_feeds(left).trim() == with_line_feeds(right).trim(),
    }
}

fn set(row: &mut RawRow<'_>, field: &Field, text: &str) {
    match field.format() {
        Format::Attributes { .. } => {
            row.set(
                field.name(),
                RawValue::Object(members(pairs(text)).collect()),
            );
        }
        Format::TextList { .. } => {
            let items = lines(text).map(|item| RawValue::text(item.to_owned()));
            let items = items.take(RawValue::MAX_ITEMS).collect();
            row.set(field.name(), RawValue::List(items));
        }
        _ => row.set_text(field.name(), with_line_feeds(text).into_owned()),
    }
}

/// Returns pairs as members of an object. A pair without a value is invalid: the domain would
/// remove its key.
fn members<'a>(pairs: Vec<(String, String)>) -> impl Iterator<Item = (Cow<'a, str>, RawValue<'a>)> {
    pairs.into_iter().map(|(key, value)| {
        let value = if value.is_empty() {
            let invalid = InvalidValue::new(Reason::Required, EN.form.pair_without_value);
            RawValue::Invalid(Box::new(invalid))
        } else {
            RawValue::text(value)
        };
        (key.into(), value)
    })
}

/// Browsers send the line breaks of a text as CR LF.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Iterates over the lines of a text that are not blank.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Returns a line such as `Room: 12`. A backslash marks a colon of the key.
fn pair_line(key: &str, value: &str) -> String {
    let key = key.replace('\\', r"\\").replace(':', r"\:");
    format!("{key}: {value}")
}

/// Reads lines such as `Room: 12`. A line without a colon is a key without a value. Stops after
/// [`RawValue::MAX_MEMBERS`] lines, which the domain rejects.
fn pairs(text: &str) -> Vec<(String, String)> {
    lines(text).take(RawValue::MAX_MEMBERS).map(pair).collect()
}

fn pair(line: &str) -> (String, String) {
    let mut key = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => break,
            '\\' => match chars.clone().next() {
                Some(escaped @ (':' | '\\')) => {
                    chars.next();
                    key.push(escaped);
                }
                _ => key.push('\\'),
            },
            c => key.push(c),
        }
    }
    (key.trim().to_owned(), chars.as_str().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use devices_domain::{DevicePatch, NewDevice, UnknownFields, field, fields};

    use super::*;

    /// Values of a device in every field that has a form control.
    fn stored() -> RawRow<'static> {
        let mut row = RawRow::for_device();
        for field in fields() {
            match field.format() {
                Format::Text { .. } => row.set(field.name(), RawValue::text("\"><b>ü & 'ß' \\")),
                Format::SerialNumber => row.set(field.name(), RawValue::text("C02XL0GSJGH5")),
                Format::AssetTag => row.set(field.name(), RawValue::text("A-17")),
                Format::Lines { .. } => row.set(field.name(), RawValue::text("one\n\n\ttwo: 2")),
                Format::TextList { .. } => {
                    let items = ["b: x", "a", "a\\b"].map(RawValue::text).to_vec();
                    row.set(field.name(), RawValue::List(items));
                }
                Format::Attributes { .. } => {
                    let members = [
                        ("C:\\x", "12: left"),
                        ("MAC:eth0", "aa:bb"),
                        ("a\\b", "\\:"),
                    ];
                    let members = members.map(|(key, value)| (key.into(), RawValue::text(value)));
                    row.set(field.name(), RawValue::Object(members.to_vec()));
                }
                Format::Amount => row.set(field.name(), RawValue::text("1299.00")),
                Format::Date => row.set(field.name(), RawValue::text("2024-05-31")),
                Format::OneOf(names) => row.set(field.name(), RawValue::text(names[0])),
                Format::Boolean => row.set(field.name(), RawValue::Boolean(true)),
                Format::Id => row.set(field.name(), RawValue::Integer(7)),
                Format::Email => row.set(field.name(), RawValue::text("ada@example.com")),
                Format::Instant => {}
            }
        }
        row
    }

    /// The form that a browser sends for a row: line breaks are CR LF.
    fn sent(row: &RawRow<'_>) -> Pairs {
        let texts = fields().iter().map(|field| {
            let text = form_text(row.get(field.name()));
            (field.name().to_owned(), text.replace('\n', "\r\n"))
        });
        Pairs(texts.collect())
    }

    #[test]
    fn every_value_survives_the_form() {
        let device = NewDevice::from_row(&stored()).unwrap();
        let all: Vec<_> = fields().iter().collect();
        let mut row = RawRow::for_device();
        read_row(&mut row, &all, &sent(&stored()));
        assert_eq!(NewDevice::from_row(&row).unwrap(), device);
    }

    #[test]
    fn untouched_form_changes_nothing() {
        let row = stored();
        for field in fields() {
            let before = form_text(row.get(field.name()));
            let after = before.replace('\n', "\r\n");
            assert!(is_same_value(field, &before, &after), "{}", field.name());
        }
    }

    #[test]
    fn removed_attribute_is_sent_as_null() {
        let attributes = field("attributes").unwrap();
        let mut row = RawRow::for_device();
        change_row(&mut row, attributes, "Room: 1\nDesk: 2", "Room: 3\r\n\r\n");
        let expected = RawValue::Object(vec![
            ("Room".into(), RawValue::text("3")),
            ("Desk".into(), RawValue::Null),
        ]);
        assert_eq!(*row.get("attributes"), expected);
        assert!(DevicePatch::from_row(&row, UnknownFields::Reject).is_ok());
    }

    #[test]
    fn too_many_attributes_are_rejected() {
        let attributes = field("attributes").unwrap();
        let text = |key: &str| -> String {
            let lines = (0..300_000).map(|number| format!("{key}{number}: 1\n"));
            lines.collect()
        };
        let (before, after) = (text("a"), text("b"));
        assert!(!is_same_value(attributes, &before, &after));
        let mut row = RawRow::for_device();
        change_row(&mut row, attributes, &before, &after);
        let report = DevicePatch::from_row(&row, UnknownFields::Reject).unwrap_err();
        assert_eq!(report.entries()[0].error.reason, Reason::TooManyItems);
    }

    #[test]
    fn attribute_without_value_is_rejected() {
        let attributes = field("attributes").unwrap();
        let mut row = RawRow::for_device();
        change_row(&mut row, attributes, "Room: 1", "Room: 1\nDesk");
        let report = DevicePatch::from_row(&row, UnknownFields::Reject).unwrap_err();
        assert_eq!(report.entries()[0].error.reason, Reason::Required);
    }
}
