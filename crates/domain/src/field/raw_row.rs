//! Raw rows: the raw value of every field of a device, user or enrolment.

use std::borrow::Cow;

use super::sanitize::trim;
use super::{Field, FieldTable, Format, RawValue};

/// A row before validation: a value for each field, and the names that are unknown or repeated.
///
/// A reader fills it with [`set`](Self::set), in any order. It can be [cleared](Self::clear) and
/// filled again.
#[derive(Debug, Clone)]
pub struct RawRow<'a> {
    table: &'static FieldTable,
    /// Values, in the order of the table.
    values: Vec<RawValue<'a>>,
    /// Index of the field that last followed each field. Rows usually list their fields in the same
    /// order, so that one comparison finds the next one.
    successors: Vec<usize>,
    /// Field that was set last.
    last: usize,
    unknown_names: Vec<Cow<'a, str>>,
    repeated_names: Vec<Cow<'a, str>>,
    /// Value of `row_ref`. `None` if the row may not have this member, which is not a field.
    row_ref: Option<RawValue<'a>>,
}

/// Name of the member with which a client identifies a row of a batch.
pub(crate) const ROW_REF: &str = "row_ref";

impl<'a> RawRow<'a> {
    /// Creates a row in which every field is absent.
    pub(crate) fn for_table(table: &'static FieldTable) -> Self {
        Self {
            table,
            values: vec![RawValue::Absent; table.fields.len()],
            successors: vec![0; table.fields.len()],
            last: 0,
            unknown_names: Vec::new(),
            repeated_names: Vec::new(),
            row_ref: None,
        }
    }

    /// Accepts the member `row_ref` beside the fields: a row of a batch may have it.
    #[must_use]
    pub fn with_row_ref(mut self) -> Self {
        self.row_ref = Some(RawValue::Absent);
        self
    }

    /// Makes every field absent again, and keeps the allocated memory.
    pub fn clear(&mut self) {
        for value in &mut self.values {
            if !value.is_absent() {
                *value = RawValue::Absent;
            }
        }
        self.unknown_names.clear();
        self.repeated_names.clear();
        if let Some(row_ref) = &mut self.row_ref {
            *row_ref = RawValue::Absent;
        }
    }

    /// Returns the name that is probably set next: that of the field that was set after the last
    /// one in the row before.
    #[must_use]
    pub fn expected_name(&self) -> &'static str {
        self.table.fields[self.successors[self.last]].name()
    }

    /// Sets the field `name`, spelled as in [`Field::name`].
    ///
    /// Rejects nothing: an unknown name, and a name that is set a second time, become errors when
    /// the row is validated.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: RawValue<'a>) {
        let name = name.into();
        if self.expected_name() != name {
            match self.table.index_of(&name) {
                None => return self.set_other(name, value),
                Some(index) => self.successors[self.last] = index,
            }
        }
        self.set_expected(value);
    }

    /// Sets a member that is not a field.
    fn set_other(&mut self, name: Cow<'a, str>, value: RawValue<'a>) {
        match &mut self.row_ref {
            Some(absent @ RawValue::Absent) if name == ROW_REF => *absent = value,
            Some(_) if name == ROW_REF => self.repeated_names.push(name),
            _ => self.unknown_names.push(name),
        }
    }

    /// Sets the field [`expected_name`](Self::expected_name), as [`set`](Self::set) does.
    pub fn set_expected(&mut self, value: RawValue<'a>) {
        self.last = self.successors[self.last];
        match &mut self.values[self.last] {
            absent @ RawValue::Absent => *absent = value,
            _ => self
                .repeated_names
                .push(self.table.fields[self.last].name().into()),
        }
    }

    /// Sets the field `name` from a source that has only text, such as a CSV file.
    ///
    /// A name such as `attributes.Room` sets a key of the field `attributes`, unless the text is
    /// blank. For a boolean field, `true` and `false` (case-insensitive) become booleans. For an
    /// id, digits become an integer. For a list, each line of the text becomes an item. Any other
    /// text stays text, and validation accepts or rejects it. Empty text means that the field has
    /// no value.
    pub fn set_text(&mut self, name: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) {
        let (name, text) = (name.into(), text.into());
        if let Some((index, key)) = self.find_key(&name) {
            if !trim(&text).is_empty() {
                self.set_key(index, key.to_owned(), text);
            }
            return;
        }
        let format = self
            .table
            .index_of(&name)
            .map(|index| self.table.fields[index].format());
        let value = match format {
            Some(Format::Boolean) if trim(&text).eq_ignore_ascii_case("true") => {
                RawValue::Boolean(true)
            }
            Some(Format::Boolean) if trim(&text).eq_ignore_ascii_case("false") => {
                RawValue::Boolean(false)
            }
            Some(Format::Id) => match trim(&text).parse() {
                Ok(id) => RawValue::Integer(id),
                Err(_) => RawValue::Text(text),
            },
            Some(Format::TextList { .. }) if trim(&text).contains('\n') => {
                let items = trim(&text).lines().map(str::to_owned).map(RawValue::text);
                RawValue::List(items.take(RawValue::MAX_ITEMS).collect())
            }
            _ => RawValue::Text(text),
        };
        self.set(name, value);
    }

    /// Returns the index of the field, and the key, of a name such as `attributes.Room`.
    fn find_key<'n>(&self, name: &'n str) -> Option<(usize, &'n str)> {
        let (field, key) = name.split_once('.')?;
        let index = self.table.index_of(field)?;
        let has_keys = matches!(self.table.fields[index].format(), Format::Attributes { .. });
        has_keys.then_some((index, key))
    }

    fn set_key(&mut self, index: usize, key: String, text: Cow<'a, str>) {
        let member = (key.into(), RawValue::Text(text));
        match &mut self.values[index] {
            RawValue::Object(members) if members.len() < RawValue::MAX_MEMBERS => {
                members.push(member);
            }
            RawValue::Object(_) => {}
            RawValue::Absent => self.values[index] = RawValue::Object(vec![member]),
            _ => self
                .repeated_names
                .push(self.table.fields[index].name().into()),
        }
    }

    /// Iterates over the fields that are not absent, in the order of their table.
    pub fn present_fields(&self) -> impl Iterator<Item = (&'static str, &RawValue<'a>)> {
        let names = self.table.fields.iter().map(Field::name);
        names
            .zip(&self.values)
            .filter(|(_, value)| !value.is_absent())
    }

    /// Returns the value of the field `name`, spelled as in [`Field::name`]. An unknown name has no
    /// value: it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &RawValue<'a> {
        let index = self.table.index_of(name);
        index.map_or(&RawValue::Absent, |index| &self.values[index])
    }

    pub(crate) fn table(&self) -> &'static FieldTable {
        self.table
    }

    /// Returns the value at an index of the table, absent if the row's table has no such index.
    pub(crate) fn value(&self, index: usize) -> &RawValue<'a> {
        self.values.get(index).unwrap_or(&RawValue::Absent)
    }

    pub(crate) fn set_value(&mut self, index: usize, value: RawValue<'a>) {
        self.values[index] = value;
    }

    /// Returns the value of `row_ref`, absent if the row may not have it.
    pub(crate) fn row_ref(&self) -> &RawValue<'a> {
        self.row_ref.as_ref().unwrap_or(&RawValue::Absent)
    }

    /// Returns the names that are not fields, in the order of the calls.
    pub(crate) fn unknown_names(&self) -> &[Cow<'a, str>] {
        &self.unknown_names
    }

    /// Returns the names of fields that were set again, once per repetition.
    pub(crate) fn repeated_names(&self) -> &[Cow<'a, str>] {
        &self.repeated_names
    }
}
