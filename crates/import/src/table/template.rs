//! Template of the name: `{Manufacturer} {Model}`.

use devices_domain::{Field, trim};

use super::row_reader::FieldColumn;
use crate::columns::{Mapping, unknown_column};
use crate::error::{OptionError, OptionErrorReason};
use crate::options::ImportOptions;
use crate::source::Cell;
use crate::value::{display_text, is_error_value};

/// Template of the field `name`.
#[derive(Debug)]
pub(crate) struct NameTemplate(Vec<Segment>);

#[derive(Debug, PartialEq)]
enum Segment {
    Literal(String),
    /// Text of a cell.
    Column(usize),
}

/// Length at which a name is cut, in bytes: more than the characters that a name may have, so that
/// validation rejects it, and less than a template with many columns could produce.
const MAX_BYTES: usize = 1_024;

impl NameTemplate {
    /// Parses a template. `{` and `}` surround the name of a column, a field that a column
    /// provides, or a field with a default. `{{` and `}}` stand for braces.
    ///
    /// # Errors
    /// Rejects unbalanced braces and unknown columns.
    pub(crate) fn parse(
        template: &str,
        mapping: &Mapping,
        options: &ImportOptions,
        max_columns: usize,
    ) -> Result<Self, OptionError> {
        let mut segments = vec![Segment::Literal(String::new())];
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, after) = rest.split_at(at);
            push_literal(&mut segments, literal);
            if let Some(after) = after.strip_prefix("{{") {
                push_literal(&mut segments, "{");
                rest = after;
            } else if let Some(after) = after.strip_prefix("}}") {
                push_literal(&mut segments, "}");
                rest = after;
            } else {
                let inner = after
                    .strip_prefix('{')
                    .and_then(|inner| inner.split_once('}'));
                let (name, after) = inner.ok_or_else(unbalanced)?;
                segments.push(find_segment(name, mapping, options, max_columns)?);
                rest = after;
            }
        }
        push_literal(&mut segments, rest);
        Ok(Self(segments))
    }

    /// Returns the name of a row, without the spaces that empty cells leave behind. Empty if no
    /// column of the template has a value.
    pub(crate) fn render(&self, cells: &[Cell<'_>], columns: &[FieldColumn]) -> String {
        let mut name = String::new();
        let mut has_value = !self
            .0
            .iter()
            .any(|segment| matches!(segment, Segment::Column(_)));
        for segment in &self.0 {
            match segment {
                Segment::Literal(text) => push_words(&mut name, text),
                Segment::Column(index) => {
                    let Some(cell) = cells.get(*index) else {
                        continue;
                    };
                    let column = columns.iter().find(|column| column.index == *index);
                    let text = match column {
                        Some(column) => column.reader.translated(cell),
                        None => display_text(cell),
                    };
                    if is_error_value(&text) {
                        continue;
                    }
                    has_value |= !trim(&text).is_empty();
                    push_words(&mut name, &text);
                }
            }
            if name.len() > MAX_BYTES {
                break;
            }
        }
        if has_value {
            name.truncate(name.trim_end().len());
            name
        } else {
            String::new()
        }
    }
}

fn push_literal(segments: &mut Vec<Segment>, text: &str) {
    match segments.last_mut() {
        Some(Segment::Literal(literal)) => literal.push_str(text),
        _ => segments.push(Segment::Literal(text.to_owned())),
    }
}

/// Appends a text, and at most one space in a row.
fn push_words(name: &mut String, text: &str) {
    for character in text.chars() {
        let is_second_space = character == ' ' && (name.is_empty() || name.ends_with(' '));
        if !is_second_space {
            name.push(character);
        }
        if name.len() > MAX_BYTES {
            return;
        }
    }
}

fn find_segment(
    name: &str,
    mapping: &Mapping,
    options: &ImportOptions,
    max_columns: usize,
) -> Result<Segment, OptionError> {
    let name = name.trim();
    let field = devices_domain::field(name).map(Field::name);
    let provided = || mapping.column_of(field?);
    let column = mapping.headers.find(name, max_columns).or_else(provided);
    if let Some(index) = column {
        return Ok(Segment::Column(index));
    }
    match options.defaults.get(name) {
        Some(text) if field.is_some() => Ok(Segment::Literal(text.clone())),
        _ => Err(OptionError::new(
            "/name_from",
            OptionErrorReason::UnknownColumn,
            unknown_column(name, &mapping.headers),
        )),
    }
}

fn unbalanced() -> OptionError {
    OptionError::new(
        "/name_from",
        OptionErrorReason::Malformed,
        "must have a column in each pair of braces, such as `{Manufacturer} {Model}`; \
         write `{{` for a brace",
    )
}
