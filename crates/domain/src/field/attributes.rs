//! Attributes: texts under keys that the owner of the devices chooses.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::sanitize::{is_invisible, trim};
use super::{
    FieldChange, FieldType, FieldValue, Format, InvalidValue, InvalidValueSink, RawValue, Text,
    is_empty_value,
};
use crate::validation::error::{Item, Reason};

/// At most 50 texts of at most 500 characters, each under a key of 1 to 64 characters. Keys and
/// values follow the rules of [`Text`]. Keys are compared exactly, after trimming. Sorted by key.
///
/// An update merges an object into the stored attributes (RFC 7396): it sets the keys that it
/// contains, removes those whose value is null or blank, and keeps all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes(Vec<(Key, Value)>);

type Key = Text<{ Attributes::MAX_KEY_LENGTH }>;
type Value = Text<{ Attributes::MAX_LENGTH }>;

/// Changes of attributes, sorted by key. `None` removes the key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttributeChanges(Vec<(Key, Option<Value>)>);

impl Attributes {
    /// Maximum number of keys.
    pub const MAX_KEYS: usize = 50;
    /// Maximum length of a key, in characters.
    pub const MAX_KEY_LENGTH: usize = 64;
    /// Maximum length of a value, in characters.
    pub const MAX_LENGTH: usize = 500;
    /// Maximum number of members of a sent object. An update can replace all keys by others, and
    /// names both.
    pub(crate) const MAX_MEMBERS: usize = 2 * Self::MAX_KEYS;

    /// Wraps pairs that are known to be valid, such as stored ones, without validation.
    pub fn from_trusted(
        pairs: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        let mut pairs: Vec<_> = pairs
            .map(|(key, value)| (Text::from_trusted(key), Text::from_trusted(value)))
            .collect();
        pairs.sort_by(|(left, _), (right, _): &(Key, Value)| left.as_str().cmp(right.as_str()));
        Self(pairs)
    }

    /// Parses a key, such as that of a filter.
    ///
    /// # Errors
    /// Returns the first rule that the key breaks.
    pub fn parse_key(key: &str) -> Result<String, InvalidValue> {
        read_key(key).map(|key| key.as_str().to_owned())
    }

    /// Parses a value, such as that of a filter.
    ///
    /// # Errors
    /// Returns the first rule that the value breaks.
    pub fn parse_value(value: &str) -> Result<String, InvalidValue> {
        Value::parse(&RawValue::text(value)).map(|value| value.as_str().to_owned())
    }

    /// Iterates over the keys and values, sorted by key.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        let pairs = self.0.iter();
        pairs.map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the error of attributes that have too many keys after an update.
    pub(crate) fn length_error(&self) -> Option<InvalidValue> {
        let (length, max) = (self.0.len(), Self::MAX_KEYS);
        (length > max).then(|| {
            let detail = format!("must have at most {max} keys, not {length}");
            InvalidValue::new(Reason::TooManyItems, detail)
        })
    }
}

impl FieldType for Attributes {
    const NULLABLE: bool = true;
    const FORMAT: Format = Format::Attributes {
        max_keys: Self::MAX_KEYS,
        max_key_length: Self::MAX_KEY_LENGTH,
        max_length: Self::MAX_LENGTH,
    };

    type Part = AttributeChanges;

    fn read(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<Self> {
        match raw {
            RawValue::Object(members) => {
                let AttributeChanges(pairs) = read_members(members, reject)?;
                let pairs = pairs.into_iter();
                let pairs = pairs.filter_map(|(key, value)| Some((key, value?)));
                let attributes = Self(pairs.collect());
                match attributes.length_error() {
                    None => Some(attributes),
                    Some(invalid) => {
                        reject(None, invalid);
                        None
                    }
                }
            }
            raw if is_empty_value(raw) => Some(Self::default()),
            other => {
                reject(
                    None,
                    InvalidValue::wrong_type("an object of strings", other),
                );
                None
            }
        }
    }

    fn read_change(raw: &RawValue<'_>, reject: InvalidValueSink<'_>) -> Option<FieldChange<Self>> {
        match raw {
            RawValue::Object(members) => read_members(members, reject).map(FieldChange::Merge),
            _ => Self::read(raw, reject).map(FieldChange::Set),
        }
    }

    /// Applies the changes. May exceed the maximum number of keys:
    /// [`length_error`](Self::length_error) checks it.
    fn merge(&mut self, changes: &AttributeChanges) {
        for (key, value) in &changes.0 {
            let found = self
                .0
                .binary_search_by(|(present, _)| present.as_str().cmp(key.as_str()));
            match (found, value) {
                (Ok(index), Some(value)) => self.0[index].1 = value.clone(),
                (Ok(index), None) => drop(self.0.remove(index)),
                (Err(index), Some(value)) => self.0.insert(index, (key.clone(), value.clone())),
                (Err(_), None) => {}
            }
        }
    }

    fn to_raw(&self) -> RawValue<'_> {
        if self.0.is_empty() {
            return RawValue::Absent;
        }
        let members = self.iter();
        let members = members.map(|(key, value)| (Cow::Borrowed(key), RawValue::text(value)));
        RawValue::Object(members.collect())
    }
}

/// Reads every member before it returns `None`, so that all errors are reported.
fn read_members(
    members: &[(Cow<'_, str>, RawValue<'_>)],
    reject: InvalidValueSink<'_>,
) -> Option<AttributeChanges> {
    let max = Attributes::MAX_MEMBERS;
    let mut is_valid = true;
    let mut reject = |item, invalid| {
        is_valid = false;
        reject(item, invalid);
    };
    if members.len() > max {
        let detail = format!("must have at most {max} keys in one request");
        reject(None, InvalidValue::new(Reason::TooManyItems, detail));
    }
    let mut pairs = Vec::with_capacity(members.len().min(max));
    for (sent_key, raw) in members.iter().take(max) {
        match read_key(sent_key) {
            Ok(key) => match read_value(raw) {
                Ok(value) => pairs.push((key, value)),
                Err(invalid) => reject(Some(Item::Key(sent_key.to_string())), invalid),
            },
            Err(invalid) => reject(item_of(sent_key), invalid),
        }
    }
    pairs.sort_by(|(left, _), (right, _)| left.as_str().cmp(right.as_str()));
    for pair in pairs.windows(2) {
        if pair[0].0 == pair[1].0 {
            let key = pair[0].0.as_str().to_owned();
            let invalid = InvalidValue::new(Reason::RepeatedField, "is given twice");
            reject(Some(Item::Key(key)), invalid);
        }
    }
    is_valid.then_some(AttributeChanges(pairs))
}

/// Returns the item of an invalid key, or `None` for one that is too long to repeat.
fn item_of(key: &str) -> Option<Item> {
    const MAX_BYTES: usize = 255;
    (key.len() <= MAX_BYTES).then(|| Item::Key(key.to_owned()))
}

fn read_key(key: &str) -> Result<Key, InvalidValue> {
    if trim(key).chars().all(is_invisible) {
        return Err(InvalidValue::new(
            Reason::EmptyItem,
            "has a key without a visible character",
        ));
    }
    Key::parse(&RawValue::text(key)).map_err(|invalid| InvalidValue {
        detail: format!("has a key that {}", invalid.detail).into(),
        ..invalid
    })
}

fn read_value(raw: &RawValue<'_>) -> Result<Option<Value>, InvalidValue> {
    if is_empty_value(raw) {
        Ok(None)
    } else {
        Value::parse(raw).map(Some)
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::ValueKind;

    fn object<'a>(members: impl IntoIterator<Item = (&'a str, RawValue<'a>)>) -> RawValue<'a> {
        let members = members.into_iter();
        RawValue::Object(members.map(|(key, value)| (key.into(), value)).collect())
    }

    fn texts<'a>(members: &[(&'a str, &'a str)]) -> RawValue<'a> {
        let members = members.iter();
        object(members.map(|(key, value)| (*key, RawValue::text(*value))))
    }

    fn read(raw: &RawValue<'_>) -> Attributes {
        Attributes::read(raw, &mut |_, invalid| panic!("{invalid:?}")).unwrap()
    }

    fn rejected(raw: &RawValue<'_>) -> Vec<(Option<Item>, Reason)> {
        let mut reasons = Vec::new();
        let attributes = Attributes::read(raw, &mut |item, invalid| {
            reasons.push((item, invalid.reason));
        });
        assert_eq!(attributes, None);
        reasons
    }

    fn key(key: &str) -> Item {
        Item::Key(key.to_owned())
    }

    fn changed(stored: &RawValue<'_>, patch: &RawValue<'_>) -> Attributes {
        let mut attributes = read(stored);
        let change = Attributes::read_change(patch, &mut |_, invalid| panic!("{invalid:?}"));
        change.unwrap().apply(&mut attributes);
        attributes
    }

    #[test]
    fn pairs_are_trimmed_and_sorted_by_key() {
        let attributes = read(&texts(&[(" Room ", " B12\t"), ("Cost center", "4711")]));
        let pairs: Vec<_> = attributes.iter().collect();
        assert_eq!(pairs, [("Cost center", "4711"), ("Room", "B12")]);
        assert_eq!(read(&attributes.to_raw()), attributes);
        assert_eq!(
            Attributes::from_trusted([("Room", "B12"), ("Cost center", "4711")]),
            attributes
        );
    }

    #[test]
    fn null_and_blank_values_are_absent() {
        let empty = object([("a", RawValue::Null), ("b", RawValue::text(" "))]);
        for raw in [empty, object([]), RawValue::Null, RawValue::text(" ")] {
            assert_eq!(read(&raw), Attributes::default());
        }
        assert_eq!(Attributes::default().to_raw(), RawValue::Absent);
    }

    #[test]
    fn every_invalid_pair_is_reported() {
        let (long_key, long_value) = ("k".repeat(65), "v".repeat(501));
        let huge_key = "k".repeat(256);
        let raw = object([
            ("", RawValue::text("x")),
            ("\u{200B}", RawValue::text("x")),
            ("a\nb", RawValue::text("x")),
            (long_key.as_str(), RawValue::text("x")),
            (huge_key.as_str(), RawValue::text("x")),
            ("number", RawValue::Integer(1)),
            ("list", RawValue::List(vec![])),
            ("object", RawValue::Other(ValueKind::Object)),
            ("long", RawValue::text(long_value)),
            ("twice", RawValue::text("x")),
            ("twice ", RawValue::Null),
        ]);
        assert_eq!(
            rejected(&raw),
            [
                (Some(key("")), Reason::EmptyItem),
                (Some(key("\u{200B}")), Reason::EmptyItem),
                (Some(key("a\nb")), Reason::ControlCharacter),
                (Some(key(&long_key)), Reason::TooLong),
                (None, Reason::TooLong),
                (Some(key("number")), Reason::WrongType),
                (Some(key("list")), Reason::WrongType),
                (Some(key("object")), Reason::WrongType),
                (Some(key("long")), Reason::TooLong),
                (Some(key("twice")), Reason::RepeatedField),
            ]
        );
    }

    #[test]
    fn more_than_50_keys_are_rejected() {
        let keys: Vec<_> = (0..101).map(|number| format!("k{number:03}")).collect();
        let object_of = |keys: &[String], value: &RawValue<'static>| {
            let members = keys.iter().map(|key| (key.clone().into(), value.clone()));
            RawValue::Object(members.collect())
        };
        let text = RawValue::text("x");
        assert_eq!(read(&object_of(&keys[..50], &text)).iter().len(), 50);
        let too_many = [(None, Reason::TooManyItems)];
        assert_eq!(rejected(&object_of(&keys[..51], &text)), too_many);
        assert_eq!(rejected(&object_of(&keys, &RawValue::Null)), too_many);
    }

    #[test]
    fn other_types_are_rejected() {
        for raw in [
            RawValue::text("x"),
            RawValue::Integer(1),
            RawValue::List(vec![]),
        ] {
            assert_eq!(rejected(&raw), [(None, Reason::WrongType)]);
        }
    }

    #[test]
    fn change_merges_into_stored_pairs() {
        let stored = texts(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let patch = object([
            ("d", RawValue::text("4")),
            ("b", RawValue::Null),
            ("a", RawValue::text("0")),
            ("unknown", RawValue::text("")),
        ]);
        let expected = texts(&[("a", "0"), ("c", "3"), ("d", "4")]);
        assert_eq!(changed(&stored, &patch), read(&expected));
        assert_eq!(changed(&stored, &object([])), read(&stored));
        assert_eq!(changed(&stored, &RawValue::Null), Attributes::default());
    }

    #[test]
    fn limit_applies_to_merged_pairs() {
        let keys: Vec<_> = (0..51).map(|number| format!("k{number}")).collect();
        let pairs: Vec<_> = keys.iter().map(|key| (key.as_str(), "x")).collect();
        let merged = changed(&texts(&pairs[..50]), &texts(&pairs[50..]));
        let error = merged.length_error().unwrap();
        assert_eq!(error.detail, "must have at most 50 keys, not 51");
        let replaced = object([("k0", RawValue::Null), ("new", RawValue::text("x"))]);
        assert_eq!(
            changed(&texts(&pairs[..50]), &replaced).length_error(),
            None
        );
    }
}
