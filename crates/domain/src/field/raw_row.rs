//! A row as somebody sent it, before any rule has looked at it.

use std::borrow::Cow;

use super::{FieldTable, Format, TextList};

/// A value as it came, whatever it was read from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RawValue<'a> {
    /// The field was not sent.
    #[default]
    Absent,
    /// The field was sent as "nothing".
    Null,
    /// Well-formed Unicode text.
    Text(Cow<'a, str>),
    /// Text that is no well-formed Unicode, such as a lone surrogate from a JSON escape.
    IllFormedText,
    /// A whole number that fits in 64 bits.
    Integer(i64),
    /// A whole number that does not fit in 64 bits.
    HugeInteger,
    /// True or false.
    Boolean(bool),
    /// Several values. A reader may stop after [`RawValue::MAX_ITEMS`] of them.
    List(Vec<RawValue<'a>>),
    /// Anything else; no field takes it.
    Other(ValueKind),
}

impl<'a> RawValue<'a> {
    /// How many items of a list are worth keeping: one more than any field takes.
    pub const MAX_ITEMS: usize = TextList::MAX_ITEMS + 1;

    /// Text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// What kind of value this is, in words for messages.
    pub fn kind(&self) -> ValueKind {
        match self {
            Self::Absent => ValueKind::Nothing,
            Self::Null => ValueKind::Null,
            Self::Text(_) | Self::IllFormedText => ValueKind::Text,
            Self::Integer(_) | Self::HugeInteger => ValueKind::Number,
            Self::Boolean(_) => ValueKind::Boolean,
            Self::List(_) => ValueKind::List,
            Self::Other(kind) => *kind,
        }
    }
}

/// The kind of a value, for messages such as "must be text, not a number".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Nothing was sent.
    Nothing,
    /// An explicit null.
    Null,
    /// Text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list of values.
    List,
    /// A value with members of its own.
    Object,
}

impl ValueKind {
    /// The kind with its article: "a number".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Null => "null",
            Self::Text => "a string",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
            Self::List => "an array",
            Self::Object => "an object",
        }
    }
}

/// A row before it is judged: a value for each field, and the names that are no field.
///
/// A reader fills it with [`set`](Self::set) in whatever order the members come; it can be
/// [cleared](Self::clear) and filled again.
#[derive(Debug, Clone)]
pub struct RawRow<'a> {
    table: &'static FieldTable,
    /// In the order of the table.
    values: Vec<RawValue<'a>>,
    unknown: Vec<Cow<'a, str>>,
    repeated: Vec<Cow<'a, str>>,
}

impl<'a> RawRow<'a> {
    pub(crate) fn of(table: &'static FieldTable) -> Self {
        Self {
            table,
            values: vec![RawValue::Absent; table.fields.len()],
            unknown: Vec::new(),
            repeated: Vec::new(),
        }
    }

    /// Makes every field absent again.
    pub fn clear(&mut self) {
        for value in &mut self.values {
            if *value != RawValue::Absent {
                *value = RawValue::Absent;
            }
        }
        self.unknown.clear();
        self.repeated.clear();
    }

    /// Sets the field `name`, spelled as in [`Field::name`](super::Field::name).
    ///
    /// Nothing is refused here: a name that is no field, or one that is set for the second time,
    /// is remembered and becomes an error when the row is judged.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: RawValue<'a>) {
        let name = name.into();
        match self.table.slot(&name) {
            None => self.unknown.push(name),
            Some(slot) => match &mut self.values[slot] {
                RawValue::Absent => self.values[slot] = value,
                _ => self.repeated.push(name),
            },
        }
    }

    /// Sets the field `name` from a source that knows only text, such as a CSV file.
    ///
    /// Where the field takes a boolean or an integer, `true`, `false` (in any case) and digits are
    /// read as such; where it takes a list, every line of the text is an item. Every other text
    /// stays text, for the rules to judge. Empty text is absent.
    pub fn set_text(&mut self, name: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) {
        let (name, text) = (name.into(), text.into());
        let shape = self
            .table
            .slot(&name)
            .map(|slot| self.table.fields[slot].format());
        let value = match shape {
            Some(Format::Boolean) if text.trim().eq_ignore_ascii_case("true") => {
                RawValue::Boolean(true)
            }
            Some(Format::Boolean) if text.trim().eq_ignore_ascii_case("false") => {
                RawValue::Boolean(false)
            }
            Some(Format::Id) => match text.trim().parse() {
                Ok(number) => RawValue::Integer(number),
                Err(_) => RawValue::Text(text),
            },
            Some(Format::TextList { .. }) if text.trim().contains('\n') => {
                let items = text.trim().lines().map(str::to_owned).map(RawValue::text);
                RawValue::List(items.take(RawValue::MAX_ITEMS).collect())
            }
            _ => RawValue::Text(text),
        };
        self.set(name, value);
    }

    /// The fields that were set, with their values, in the order of their table.
    pub fn present_fields(&self) -> impl Iterator<Item = (&'static str, &RawValue<'a>)> {
        let names = self.table.fields.iter().map(super::Field::name);
        names
            .zip(&self.values)
            .filter(|(_, value)| **value != RawValue::Absent)
    }

    /// The value of the field `name`, spelled as in [`Field::name`](super::Field::name); absent where
    /// there is no such field.
    pub fn get(&self, name: &str) -> &RawValue<'a> {
        let slot = self.table.slot(name);
        slot.map_or(&RawValue::Absent, |slot| &self.values[slot])
    }

    /// The names of the fields in which `other`, a row of the same kind, differs.
    pub(crate) fn changed_field_names(&self, other: &RawRow<'_>) -> Vec<&'static str> {
        let pairs = self.values.iter().zip(&other.values);
        let differing = self
            .table
            .fields
            .iter()
            .zip(pairs)
            .filter(|(_, (one, other))| one != other);
        differing.map(|(field, _)| field.name()).collect()
    }

    pub(crate) fn table(&self) -> &'static FieldTable {
        self.table
    }

    /// Absent where a row of another kind has no such place.
    pub(crate) fn value(&self, slot: usize) -> &RawValue<'a> {
        self.values.get(slot).unwrap_or(&RawValue::Absent)
    }

    pub(crate) fn put(&mut self, slot: usize, value: RawValue<'a>) {
        self.values[slot] = value;
    }

    /// The names that are no field, in the order they came.
    pub(crate) fn unknown(&self) -> &[Cow<'a, str>] {
        &self.unknown
    }

    /// The names that were set more than once.
    pub(crate) fn repeated(&self) -> &[Cow<'a, str>] {
        &self.repeated
    }
}
