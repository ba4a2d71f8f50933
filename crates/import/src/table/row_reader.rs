//! Rows of cells as raw rows of devices.

use std::borrow::Cow;
use std::ops::Range;

use devices_domain::{Attributes, InvalidValue, RawRow, RawValue, Reason, trim};

use super::defaults::{ATTRIBUTES, Default};
use super::scan::SourceTraits;
use super::template::NameTemplate;
use crate::columns::{Mapping, Target, matches_target};
use crate::error::OptionError;
use crate::options::ImportOptions;
use crate::source::Cell;
use crate::value::{ValueReader, display_text, is_blank_cell};

/// Name of the field that a template provides.
const NAME: &str = "name";

/// Reads the rows of a table.
#[derive(Debug)]
pub(crate) struct RowReader {
    /// Columns that provide a field or an attribute, in order.
    pub(crate) columns: Vec<FieldColumn>,
    defaults: Vec<Default>,
    name: Option<NameTemplate>,
    /// Texts of the header row.
    headers: Vec<String>,
    /// Number of cells that a row may have with values: those of the header row of a text file.
    max_cells: usize,
    /// Column with the messages of an earlier import. It is not used.
    error_column: Option<usize>,
    /// Columns with the surplus cells of an earlier import.
    surplus: Range<usize>,
}

/// A column that provides a field or an attribute.
#[derive(Debug)]
pub(crate) struct FieldColumn {
    pub(crate) index: usize,
    pub(crate) target: Target,
    pub(crate) reader: ValueReader,
}

impl RowReader {
    /// Creates a reader for a mapping. A row of a workbook may have more cells than the header.
    pub(crate) fn new(
        mapping: &Mapping,
        options: &ImportOptions,
        traits: SourceTraits,
    ) -> Result<Self, OptionError> {
        let SourceTraits {
            is_text,
            is_1904,
            limits,
        } = traits;
        let columns = mapping.columns.iter().enumerate();
        let columns = columns.filter_map(|(index, column)| {
            let target = column.target.clone()?;
            let reader = ValueReader::new(&target, options, is_1904);
            Some(FieldColumn {
                index,
                target,
                reader,
            })
        });
        let template = options.name_from.as_deref();
        let name = template
            .map(|template| NameTemplate::parse(template, mapping, options, limits.max_columns))
            .transpose()?;
        let columns: Vec<_> = columns.collect();
        let is_used = |index: &usize| columns.iter().any(|column| column.index == *index);
        let mut reader = Self {
            error_column: mapping
                .headers
                .error_column()
                .filter(|index| !is_used(index)),
            surplus: mapping.headers.surplus(),
            columns,
            defaults: Default::parse_all(options)?,
            name,
            headers: mapping
                .headers
                .iter()
                .map(|header| header.text.clone())
                .collect(),
            max_cells: if is_text {
                mapping.headers.len()
            } else {
                usize::MAX
            },
        };
        reader
            .defaults
            .retain(|default| !reader.columns.iter().any(|c| c.target == default.target));
        if reader.name.is_some() {
            reader
                .defaults
                .retain(|default| !default.target.is_field(NAME));
        }
        Ok(reader)
    }

    /// Returns the column with the messages of an earlier import, which is not used.
    pub(crate) fn error_column(&self) -> Option<usize> {
        self.error_column
    }

    /// Returns whether a column, a default or the template provides a field.
    pub(crate) fn provides(&self, field: &str) -> bool {
        self.columns
            .iter()
            .any(|column| column.target.is_field(field))
            || self
                .defaults
                .iter()
                .any(|default| default.target.is_field(field))
            || self.name.is_some() && field == NAME
    }

    /// Returns each target that has values, with the index of the column that provides it. `None`
    /// for a default and for a name from the template.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (Target, Option<usize>)> {
        let columns = self.columns.iter();
        let columns = columns.map(|column| (column.target.clone(), Some(column.index)));
        let defaults = self.defaults.iter();
        let defaults = defaults.map(|default| (default.target.clone(), None));
        let is_rendered = self.name.is_some() && !self.has_name_column();
        let name = Target::from_name(NAME).filter(|_| is_rendered);
        columns.chain(defaults).chain(name.map(|name| (name, None)))
    }

    /// Returns the text of a cell that is read as the same value in a text file.
    pub(crate) fn rewrite<'a>(&'a self, index: usize, cell: &'a Cell<'_>) -> Cow<'a, str> {
        match self.columns.iter().find(|column| column.index == index) {
            Some(column) => column.reader.rewrite(cell),
            None => display_text(cell),
        }
    }

    /// Returns whether a row below the header is data: neither empty nor the header again.
    pub(crate) fn is_data(&self, cells: &[Cell<'_>], is_first: bool) -> bool {
        !cells.iter().all(is_blank_cell) && !self.is_header_again(cells, is_first)
    }

    /// Returns whether a row repeats the header row: files that were joined have it several times,
    /// and some have the names of the fields below it.
    pub(crate) fn is_header_again(&self, cells: &[Cell<'_>], is_first: bool) -> bool {
        /// One equal cell may be a value: a room called `Room`.
        const MIN_EQUAL: usize = 2;

        let filled = cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| !is_blank_cell(cell));
        let is_header = |(index, cell): (usize, &Cell<'_>)| {
            let Cell::Text(text) = cell else {
                return false;
            };
            self.headers
                .get(index)
                .is_some_and(|header| header == trim(text))
                || is_first && self.names_column(index, text)
        };
        filled.clone().all(is_header) && filled.take(MIN_EQUAL).count() == MIN_EQUAL
    }

    fn names_column(&self, index: usize, text: &str) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.index == index && matches_target(text, &column.target))
    }

    /// Reads the cells of a row that has a value.
    pub(crate) fn read<'a>(&'a self, cells: &'a [Cell<'_>]) -> RawRow<'a> {
        let mut row = RawRow::for_device();
        let mut attributes: Vec<(Cow<'a, str>, RawValue<'a>)> = Vec::new();
        let is_shifted = self.is_shifted(cells);
        for (index, column) in self.columns.iter().enumerate() {
            let value = if is_shifted && index + 1 == self.columns.len() {
                shifted_value()
            } else {
                self.read_value(column, cells)
            };
            match &column.target {
                Target::Field(field) => row.set(field.name(), value),
                Target::Attribute(key) => attributes.push((Cow::Borrowed(key), value)),
            }
        }
        for default in &self.defaults {
            match &default.target {
                Target::Field(field) => row.set(field.name(), default.value()),
                Target::Attribute(key) => attributes.push((Cow::Borrowed(key), default.value())),
            }
        }
        if let Some(template) = self.name.as_ref().filter(|_| !self.has_name_column()) {
            row.set(NAME, RawValue::text(template.render(cells, &self.columns)));
        }
        if !attributes.is_empty() {
            row.set(ATTRIBUTES, object(attributes));
        }
        row
    }

    fn has_name_column(&self) -> bool {
        self.columns
            .iter()
            .any(|column| column.target.is_field(NAME))
    }

    fn read_value<'a>(&'a self, column: &'a FieldColumn, cells: &'a [Cell<'_>]) -> RawValue<'a> {
        let cell = cells.get(column.index).unwrap_or(&Cell::Empty);
        match &self.name {
            Some(template) if column.target.is_field(NAME) && is_blank_cell(cell) => {
                RawValue::text(template.render(cells, &self.columns))
            }
            _ => column.reader.read(cell),
        }
    }

    /// Returns whether a row of a text file has values after the last column: a delimiter in an
    /// unquoted cell has probably moved its values into wrong columns. In a file of rejected rows,
    /// they are before the messages.
    fn is_shifted(&self, cells: &[Cell<'_>]) -> bool {
        let has_values = |cells: Option<&[Cell<'_>]>| {
            cells.is_some_and(|cells| !cells.iter().all(is_blank_cell))
        };
        let surplus = self.surplus.start..self.surplus.end.min(cells.len());
        has_values(cells.get(self.max_cells..)) || has_values(cells.get(surplus))
    }
}

/// Value of the last column of a shifted row: its error rejects the row.
fn shifted_value<'a>() -> RawValue<'a> {
    RawValue::Invalid(Box::new(InvalidValue::new(
        Reason::Malformed,
        "may belong to another column, because the row has more cells than the header: quote each \
         cell that contains the delimiter",
    )))
}

/// Returns the attributes of a row. Blank ones are left out of rows with more attributes than an
/// object may have members. The first attribute above the limit of a device rejects the row, so
/// that the error names its column.
fn object<'a>(mut attributes: Vec<(Cow<'a, str>, RawValue<'a>)>) -> RawValue<'a> {
    let is_filled = |(_, value): &(_, RawValue<'a>)| !matches!(value, RawValue::Text(text) if trim(text).is_empty());
    let filled = attributes.iter().filter(|attribute| is_filled(attribute));
    let filled = filled.count();
    if filled > Attributes::MAX_KEYS || attributes.len() >= RawValue::MAX_MEMBERS {
        attributes.retain(is_filled);
    }
    if filled > Attributes::MAX_KEYS {
        attributes.truncate(Attributes::MAX_KEYS + 1);
        // Validation counts the keys, too: one less than the maximum leaves it to this error.
        attributes.swap_remove(0);
        attributes[0].1 = too_many_attributes(filled);
    }
    RawValue::Object(attributes)
}

fn too_many_attributes<'a>(filled: usize) -> RawValue<'a> {
    let max = Attributes::MAX_KEYS;
    RawValue::Invalid(Box::new(InvalidValue::new(
        Reason::TooManyItems,
        format!(
            "exceeds the {max} attributes of a device, because the row has {filled}: leave columns \
             out"
        ),
    )))
}
