//! Parts of a file as canonical CSV, for files above the limits of a server.

use std::borrow::Cow;
use std::collections::BTreeMap;

use devices_domain::{RawRow, RawValue};

use crate::columns::{Target, matches_target};
use crate::options::{DateFormat, DecimalMark, ImportOptions};
use crate::rejected::RejectedCell;
use crate::table::RowReader;
use crate::text::is_blank as is_blank_text;

/// Rows of a file as canonical CSV: UTF-8, `,`, a header of exact field names, dates in ISO 8601,
/// amounts with a point, and `true` or `false`. An import reads the same values from it as from the
/// file.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Header and rows. Empty if all rows are rejected.
    pub csv: Vec<u8>,
    /// Number of each row of the CSV in the file, from 1 as the spreadsheet shows it.
    pub rows: Vec<u32>,
    /// For each column of the CSV, the index of the column of the file that provides it. `None` for
    /// a default and for a name from a template.
    pub columns: Vec<Option<usize>>,
    /// Rows that are not in the CSV, because the spreadsheet damaged a value.
    pub rejected: BTreeMap<u32, Vec<RejectedCell>>,
}

impl ImportOptions {
    /// Creates the options for importing a [`Part`]. Nothing of it is detected.
    #[must_use]
    pub fn of_part() -> Self {
        Self {
            header_row: Some(1),
            encoding: Some("utf-8".to_owned()),
            delimiter: Some(",".to_owned()),
            date_format: Some(DateFormat::YearFirst),
            decimal: Some(DecimalMark::Point),
            ..Self::default()
        }
    }
}

/// Limits of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartLimits {
    /// Maximum number of rows, rejected ones included.
    pub(crate) rows: usize,
    /// Maximum size. Only a part of a single row may be larger.
    pub(crate) bytes: usize,
}

/// Builds parts row by row.
pub(crate) struct PartBuilder {
    columns: Vec<PartColumn>,
    limits: PartLimits,
    part: Part,
    writer: csv::Writer<Vec<u8>>,
}

/// Column of a part.
struct PartColumn {
    target: Target,
    source: Option<usize>,
}

impl PartBuilder {
    pub(crate) fn new(reader: &RowReader, limits: PartLimits) -> Self {
        let targets = reader.targets();
        let columns = targets.map(|(target, source)| PartColumn { target, source });
        let mut builder = Self {
            columns: columns.collect(),
            limits,
            part: Part {
                csv: Vec::new(),
                rows: Vec::new(),
                columns: Vec::new(),
                rejected: BTreeMap::new(),
            },
            writer: csv::Writer::from_writer(Vec::new()),
        };
        builder.start();
        builder
    }

    /// Adds a row. Returns the part before it, if the row does not fit in.
    pub(crate) fn push(&mut self, row: u32, values: &RawRow<'_>) -> Option<Part> {
        let is_full = self.part.rows.len() + self.part.rejected.len() >= self.limits.rows;
        let mut complete = is_full.then(|| self.complete());
        let errors = self.find_errors(values);
        if !errors.is_empty() {
            self.part.rejected.insert(row, errors);
            return complete;
        }
        let length = self.writer.get_ref().len();
        self.write(values);
        if self.writer.get_ref().len() > self.limits.bytes && !self.part.rows.is_empty() {
            let mut before = self.complete();
            before.csv.truncate(length);
            self.write(values);
            // A new part has one row, and is never complete already.
            complete = Some(before);
        }
        self.part.rows.push(row);
        complete
    }

    /// Returns the last part, unless it has no row.
    pub(crate) fn finish(mut self) -> Option<Part> {
        let is_empty = self.part.rows.is_empty() && self.part.rejected.is_empty();
        (!is_empty).then(|| self.complete())
    }

    /// Returns the errors of values that the spreadsheet damaged. Also rejects rows that the server
    /// would skip: blank rows and repeated headers.
    fn find_errors(&self, row: &RawRow<'_>) -> Vec<RejectedCell> {
        let (mut is_blank, mut is_header) = (true, true);
        let mut errors = Vec::new();
        for column in &self.columns {
            match value(row, &column.target) {
                Some(RawValue::Invalid(invalid)) => errors.push(RejectedCell {
                    column: column.source,
                    message: format!("`{}` {}", column.target, invalid.detail),
                }),
                value => {
                    let text = text(value);
                    if !is_blank_text(&text) {
                        is_blank = false;
                        is_header = is_header && matches_target(&text, &column.target);
                    }
                }
            }
        }
        if errors.is_empty() && (is_blank || is_header) {
            let message = if is_blank {
                "the row has no value in the columns that are used"
            } else {
                "the row repeats the header"
            };
            errors.push(RejectedCell {
                column: None,
                message: message.to_owned(),
            });
        }
        errors
    }

    fn write(&mut self, row: &RawRow<'_>) {
        for column in &self.columns {
            let text = text(value(row, &column.target));
            self.writer
                .write_field(text.as_ref())
                .expect("writing to memory succeeds");
        }
        self.end_record();
    }

    /// Starts a part with its header.
    fn start(&mut self) {
        self.part.columns = self.columns.iter().map(|column| column.source).collect();
        for column in &self.columns {
            let name = column.target.to_string();
            self.writer
                .write_field(name)
                .expect("writing to memory succeeds");
        }
        self.end_record();
    }

    fn end_record(&mut self) {
        self.writer
            .write_record(None::<&[u8]>)
            .expect("writing to memory succeeds");
        self.writer.flush().expect("writing to memory succeeds");
    }

    /// Returns the current part, and starts another.
    fn complete(&mut self) -> Part {
        let next = csv::Writer::from_writer(Vec::new());
        let writer = std::mem::replace(&mut self.writer, next);
        let mut part = Part {
            csv: writer.into_inner().expect("writing to memory succeeds"),
            rows: std::mem::take(&mut self.part.rows),
            columns: std::mem::take(&mut self.part.columns),
            rejected: std::mem::take(&mut self.part.rejected),
        };
        if part.rows.is_empty() {
            part.csv.clear();
        }
        self.start();
        part
    }
}

/// Returns the value of a target in a row.
fn value<'r, 'a>(row: &'r RawRow<'a>, target: &Target) -> Option<&'r RawValue<'a>> {
    match target {
        Target::Field(field) => Some(row.get(field.name())),
        Target::Attribute(key) => {
            let RawValue::Object(members) = row.get("attributes") else {
                return None;
            };
            let mut members = members.iter();
            members
                .find(|(name, _)| name == key)
                .map(|(_, value)| value)
        }
    }
}

/// Returns the text from which a file reads the value again.
fn text<'r>(value: Option<&'r RawValue<'_>>) -> Cow<'r, str> {
    match value {
        Some(RawValue::Text(text)) => Cow::Borrowed(text),
        Some(RawValue::Boolean(value)) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Some(RawValue::Integer(value)) => value.to_string().into(),
        // Each line of a cell is an item.
        Some(RawValue::List(items)) => {
            let items: Vec<_> = items.iter().map(|item| text(Some(item))).collect();
            items.join("\n").into()
        }
        _ => Cow::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::ops::ControlFlow;

    use super::*;
    use crate::{ImportFile, ImportLimits, OtherColumns};

    /// Columns of each kind. The order of day and month is decided by the last row.
    const FILE: &str = "\
Serial Number;Name;Kaufdatum;Purchase Price;Rented;Tags;Room;Comment
S-1;Laptop 1;03.04.2024;1.299,00 EUR;ja;a;2.14;\"two\nlines\"
S-2;\"Laptop; 2\";;49,5;nein;\"a\nb\";\"say \"\"hi\"\"\";
;;;;;;;
1,23E+11;Laptop 3;05.04.2024;5;x;;;
S-4;Laptop 4;31.12.2024;soon;maybe;;;
";

    fn options() -> ImportOptions {
        let text = |text: &str| text.to_owned();
        ImportOptions {
            other_columns: OtherColumns::Attributes,
            columns: BTreeMap::from([(text("Rented"), Some(text("is_rented")))]),
            defaults: BTreeMap::from([
                (text("type"), text("laptop")),
                (text("category"), text("computers")),
            ]),
            ..ImportOptions::default()
        }
    }

    fn open(text: &[u8], options: &ImportOptions) -> ImportFile<Cursor<Vec<u8>>> {
        let file = Cursor::new(text.to_owned());
        ImportFile::open(file, options, ImportLimits::default()).unwrap()
    }

    fn parts(max_rows: usize, max_bytes: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut file = open(FILE.as_bytes(), &options());
        file.read_parts(max_rows, max_bytes, |part| {
            parts.push(part);
            ControlFlow::Continue(())
        })
        .unwrap();
        parts
    }

    /// Returns the values of each row, sorted by field.
    fn rows(file: &mut ImportFile<Cursor<Vec<u8>>>) -> Vec<(u32, Vec<String>)> {
        let mut rows = Vec::new();
        file.read_rows(|number, row| {
            let fields = row.present_fields();
            let mut fields: Vec<_> = fields
                .map(|(name, value)| format!("{name}: {value:?}"))
                .collect();
            fields.sort();
            rows.push((number, fields));
        })
        .unwrap();
        rows
    }

    #[test]
    fn part_has_the_values_of_the_file() {
        let parts = parts(20_000, 1 << 20);
        assert_eq!(parts.len(), 1);
        let mut read = rows(&mut open(&parts[0].csv, &ImportOptions::of_part()));
        for (row, number) in read.iter_mut().zip(&parts[0].rows) {
            row.0 = *number;
        }
        let mut expected = rows(&mut open(FILE.as_bytes(), &options()));
        expected.retain(|(row, _)| !parts[0].rejected.contains_key(row));
        assert_eq!(expected.len(), 3);
        assert_eq!(read, expected);
    }

    #[test]
    fn damaged_row_is_rejected() {
        let parts = parts(20_000, 1 << 20);
        let rejected: Vec<_> = parts[0].rejected.iter().collect();
        let [(5, errors)] = rejected[..] else {
            panic!("{rejected:?}");
        };
        assert_eq!(errors[0].column, Some(0));
        assert!(
            errors[0].message.starts_with("`serial_number` "),
            "{errors:?}"
        );
        assert_eq!(parts[0].rows, [2, 3, 6]);
    }

    #[test]
    fn parts_end_at_their_limits() {
        let by_rows = parts(2, 1 << 20);
        let rows: Vec<_> = by_rows.iter().map(|part| part.rows.clone()).collect();
        assert_eq!(rows, [vec![2, 3], vec![6]]);
        assert_eq!(by_rows[1].rejected.len(), 1);

        let whole = parts(20_000, 1 << 20);
        let largest = whole[0].csv.len() - 1;
        let by_size = parts(20_000, largest);
        let rows: Vec<_> = by_size.iter().map(|part| part.rows.clone()).collect();
        assert_eq!(rows, [vec![2, 3], vec![6]]);
        assert!(by_size.iter().all(|part| part.csv.len() <= largest));
        for part in by_rows.iter().chain(&by_size) {
            open(&part.csv, &ImportOptions::of_part());
        }
        // No row fits: each is a part.
        let rows = parts(20_000, 1).into_iter().map(|part| part.rows);
        assert_eq!(rows.collect::<Vec<_>>(), [vec![2], vec![3], vec![6]]);
    }

    #[test]
    fn reading_ends_on_demand() {
        let mut count = 0;
        let mut file = open(FILE.as_bytes(), &options());
        let read = file.read_parts(1, 1 << 20, |_| {
            count += 1;
            ControlFlow::Break(())
        });
        read.unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn row_without_used_values_is_rejected() {
        let mut file = open(
            b"Serial Number,Room,Rack\nS-1,a,b\n,c,d\n",
            &ImportOptions::default(),
        );
        let mut parts = Vec::new();
        file.read_parts(20_000, 1 << 20, |part| {
            parts.push(part);
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(parts[0].rows, [2]);
        assert_eq!(parts[0].rejected[&3][0].column, None);
        assert_eq!(parts[0].columns, [Some(0)]);
    }
}
