//! Warnings about a table.

use super::column_statistics::ColumnStatistics;
use crate::columns::{Assignment, Mapping, MatchedBy, Target, describe};
use crate::description::{Warning, WarningKind};
use crate::options::{ImportOptions, OtherColumns};

/// Findings of a scan.
pub(super) struct Findings<'a> {
    pub(super) options: &'a ImportOptions,
    pub(super) mapping: &'a Mapping,
    pub(super) statistics: &'a [ColumnStatistics],
    pub(super) repeated_headers: &'a [u32],
}

/// Returns the warnings, in the order of the columns.
pub(super) fn warnings(findings: &Findings<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (index, assignment) in findings.mapping.columns.iter().enumerate() {
        warnings.extend(findings.column_warning(index, assignment));
        warnings.extend(findings.leading_zeros(index));
        warnings.extend(findings.swapped_dates(index));
        warnings.extend(findings.unused_default(index, assignment));
    }
    warnings.extend(findings.repeated_header());
    warnings
}

impl Findings<'_> {
    fn column_warning(&self, index: usize, assignment: &Assignment) -> Option<Warning> {
        let column = describe(&self.mapping.headers, index);
        if let (Some(target), Some(MatchedBy::Similar)) = (&assignment.target, assignment.by) {
            let message = format!(
                "{column} is taken for `{target}`, because its header is similar: check it"
            );
            return Some(warning(WarningKind::SimilarColumn, message, index));
        }
        let is_empty =
            self.mapping.headers.get(index).text.is_empty() && !self.statistics[index].has_values;
        if assignment.target.is_some() || assignment.left_out || is_empty {
            return None;
        }
        let message = match assignment.outranked_by {
            Some(other) => {
                let other_column = describe(&self.mapping.headers, other);
                let target = self.mapping.columns[other].target.as_ref();
                let field = target.map(Target::to_string).unwrap_or_default();
                format!("{column} is not used, because {other_column} provides `{field}`")
            }
            None => format!("{column} is not used, because {}", self.why_unused(index)),
        };
        Some(warning(WarningKind::IgnoredColumn, message, index))
    }

    /// Returns why a column without a field is not used, and what helps if the option for other
    /// columns does not.
    fn why_unused(&self, index: usize) -> &'static str {
        let header = &self.mapping.headers.get(index).text;
        if self.options.other_columns != OtherColumns::Attributes {
            "no field is known for it"
        } else if header.is_empty() {
            "it has no header: map it to `attributes.` and a key"
        } else {
            "its header cannot be the key of an attribute: map it to `attributes.` and a key of at \
             most 64 characters"
        }
    }

    fn leading_zeros(&self, index: usize) -> Option<Warning> {
        let short = self.statistics[index].lengths.as_ref()?.short_numbers()?;
        let column = describe(&self.mapping.headers, index);
        let numbers = if short.count == 1 {
            "number that is"
        } else {
            "numbers that are"
        };
        let message = format!(
            "{column} has {} {numbers} shorter than the usual {} characters, first in row {}: \
             a spreadsheet may have removed leading zeros",
            short.count, short.usual_length, short.first_row
        );
        Some(warning(WarningKind::LeadingZeros, message, index))
    }

    fn swapped_dates(&self, index: usize) -> Option<Warning> {
        let row = self.statistics[index].dates?.swapped_dates()?;
        let column = describe(&self.mapping.headers, index);
        let message = format!(
            "{column} has both dates and texts: a spreadsheet may have swapped day and month of \
             the dates, first in row {row}: compare them with the original"
        );
        Some(warning(WarningKind::SwappedDates, message, index))
    }

    fn unused_default(&self, index: usize, assignment: &Assignment) -> Option<Warning> {
        let target = assignment.target.as_ref()?.to_string();
        self.options.defaults.get(&target)?;
        let column = describe(&self.mapping.headers, index);
        let message = format!(
            "the default of `{target}` is not used, because {column} provides it: map the column \
             to no field, or translate its values"
        );
        Some(warning(WarningKind::UnusedDefault, message, index))
    }

    fn repeated_header(&self) -> Option<Warning> {
        let (first, others) = self.repeated_headers.split_first()?;
        let message = match others.len() {
            0 => format!("row {first} repeats the header, and is skipped"),
            count => format!("row {first} and {count} more repeat the header, and are skipped"),
        };
        Some(Warning {
            kind: WarningKind::Layout,
            message,
            column: None,
        })
    }
}

fn warning(kind: WarningKind, message: String, index: usize) -> Warning {
    Warning {
        kind,
        message,
        column: Some(index),
    }
}
