//! Interpretation of headers: the field that each column provides.

use super::synonyms::{find_similar, find_synonym};
use super::{Headers, MatchedBy, Target, TargetError};
use crate::error::{
    ErrorColumn, FileError, FileErrorReason, ImportError, OptionError, OptionErrorReason,
};
use crate::options::{ImportOptions, OtherColumns, pointer};
use crate::text::{quote, shorten};

/// The fields that the columns of a file provide.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) headers: Headers,
    /// Assignment of each column.
    pub(crate) columns: Vec<Assignment>,
}

/// Field that a column provides.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Assignment {
    pub(crate) target: Option<Target>,
    pub(crate) by: Option<MatchedBy>,
    /// Column that provides the field that this one would provide, because it matches better.
    pub(crate) outranked_by: Option<usize>,
    /// The column is left out on purpose: by the options, or because an earlier import added it.
    pub(crate) left_out: bool,
}

/// A match of a column. Smaller ranks are better.
#[derive(Debug, Clone, PartialEq)]
struct Candidate {
    target: Target,
    by: MatchedBy,
    rank: usize,
}

impl Mapping {
    /// Returns the column that provides a field.
    pub(crate) fn column_of(&self, field: &str) -> Option<usize> {
        let provides = |assignment: &Assignment| {
            let target = assignment.target.as_ref();
            target.is_some_and(|target| target.is_field(field))
        };
        self.columns.iter().position(provides)
    }

    /// Adds columns without a header, so that there are at least `len`.
    pub(crate) fn extend_to(&mut self, len: usize) {
        self.headers.extend_to(len);
        self.columns
            .resize_with(self.headers.len(), Assignment::default);
    }

    pub(crate) fn error_column(&self, index: usize) -> ErrorColumn {
        error_column(&self.headers, index)
    }
}

/// Assigns fields to columns. The best match decides, in this order: given by the options, name of
/// the field, synonym, similar.
///
/// # Errors
/// Rejects options that the file does not fit, and two columns that match a field equally well.
pub(crate) fn map_columns(
    mut headers: Headers,
    options: &ImportOptions,
    max_columns: usize,
) -> Result<Mapping, ImportError> {
    let given = given_columns(&headers, options, max_columns)?;
    let len = given.iter().map(|given| given.index + 1).max();
    headers.extend_to(len.unwrap_or_default());
    let mut columns = vec![Assignment::default(); headers.len()];
    let mut candidates: Vec<_> = headers.iter().map(|header| detect(&header.text)).collect();
    for index in headers.surplus().chain(headers.error_column()) {
        columns[index].left_out = true;
    }
    for given in given {
        columns[given.index].left_out = given.target.is_none();
        candidates[given.index] = given.target.map(|target| Candidate {
            target,
            by: MatchedBy::Given,
            rank: 0,
        });
    }
    assign_best(&headers, &candidates, &mut columns)?;
    if options.other_columns == OtherColumns::Attributes {
        assign_attributes(&headers, &mut columns);
    }
    Ok(Mapping { headers, columns })
}

/// A column that the options name.
struct GivenColumn {
    index: usize,
    /// `None`: the column is not used.
    target: Option<Target>,
}

fn given_columns(
    headers: &Headers,
    options: &ImportOptions,
    max_columns: usize,
) -> Result<Vec<GivenColumn>, OptionError> {
    let mut given: Vec<GivenColumn> = Vec::new();
    for (name, field) in &options.columns {
        let pointer = pointer(&["columns", name]);
        let Some(index) = headers.find(name, max_columns) else {
            let message = unknown_column(name, headers);
            let reason = OptionErrorReason::UnknownColumn;
            return Err(OptionError::new(pointer, reason, message));
        };
        if given.iter().any(|given| given.index == index) {
            let message = format!(
                "column {} is named twice, in different spellings",
                quote(&headers.get(index).name)
            );
            return Err(OptionError::new(
                pointer,
                OptionErrorReason::Conflict,
                message,
            ));
        }
        let target = field.as_deref().map(Target::parse).transpose();
        let target = target.map_err(|TargetError(message)| {
            OptionError::new(pointer, OptionErrorReason::UnknownField, message)
        })?;
        given.push(GivenColumn { index, target });
    }
    Ok(given)
}

/// Returns the message about a column that the file does not have.
pub(crate) fn unknown_column(name: &str, headers: &Headers) -> String {
    let lower_case = shorten(name).to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &lower_case);
    let known = headers.iter().map(|header| header.name.as_str());
    let similar = known
        .map(|known| (distance(known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.chars().count() / 3);
    let name = quote(name);
    match similar {
        Some((_, known)) => {
            format!(
                "the file has no column {name}, did you mean {}?",
                quote(known)
            )
        }
        None => format!("the file has no column {name}: give the text of a header"),
    }
}

/// Returns the field of a header without options.
fn detect(header: &str) -> Option<Candidate> {
    if let Some(target) = Target::from_name(header) {
        let by = MatchedBy::Name;
        return Some(Candidate {
            target,
            by,
            rank: 1,
        });
    }
    let field = |name: &str| Target::from_name(name);
    if let Some(synonym) = find_synonym(header) {
        return Some(Candidate {
            target: field(synonym.field)?,
            by: MatchedBy::Synonym,
            rank: 2 + synonym.fallback,
        });
    }
    Some(Candidate {
        target: field(find_similar(header)?)?,
        by: MatchedBy::Similar,
        rank: usize::MAX,
    })
}

/// Gives each field to the column with the best match.
fn assign_best(
    headers: &Headers,
    candidates: &[Option<Candidate>],
    columns: &mut [Assignment],
) -> Result<(), FileError> {
    for (index, candidate) in candidates.iter().enumerate() {
        let Some(candidate) = candidate.as_ref().filter(|_| !columns[index].left_out) else {
            continue;
        };
        let rivals = candidates.iter().enumerate().filter(|(rival, other)| {
            let same = other
                .as_ref()
                .is_some_and(|other| other.target == candidate.target);
            same && *rival != index && !columns[*rival].left_out
        });
        let rivals = rivals.filter_map(|(rival, other)| Some((rival, other.as_ref()?.rank)));
        match rivals.min_by_key(|(rival, rank)| (*rank, *rival)) {
            Some((rival, rank)) if rank < candidate.rank => {
                columns[index].outranked_by = Some(rival);
            }
            Some((rival, rank)) if rank == candidate.rank => {
                if candidate.by == MatchedBy::Similar {
                    // Two proposals for one field: neither is better, and both are only proposals.
                    continue;
                }
                return Err(duplicate_field(headers, &candidate.target, [index, rival]));
            }
            _ => {
                columns[index].target = Some(candidate.target.clone());
                columns[index].by = Some(candidate.by);
            }
        }
    }
    Ok(())
}

fn duplicate_field(headers: &Headers, target: &Target, columns: [usize; 2]) -> FileError {
    let [first, second] = columns.map(|index| describe(headers, index));
    FileError {
        columns: columns.map(|index| error_column(headers, index)).to_vec(),
        field: Some(target.to_string()),
        ..FileError::new(
            FileErrorReason::DuplicateField,
            format!(
                "{first} and {second} both provide `{target}`: map one of them to another field, \
                 or to no field"
            ),
        )
    }
}

/// Makes every column without a field an attribute, with its header as the key.
fn assign_attributes(headers: &Headers, columns: &mut [Assignment]) {
    for (index, header) in headers.iter().enumerate() {
        let is_other = columns[index].target.is_none() && !columns[index].left_out;
        if !is_other || header.text.is_empty() {
            continue;
        }
        let Some(target) = Target::from_name(&format!("attributes.{}", header.name)) else {
            continue;
        };
        let provides = |column: &Assignment| column.target.as_ref() == Some(&target);
        columns[index].outranked_by = columns.iter().position(provides);
        if columns[index].outranked_by.is_none() {
            columns[index].target = Some(target);
            columns[index].by = Some(MatchedBy::Given);
        }
    }
}

/// Names a column for a message: "column `Room` (D)".
pub(crate) fn describe(headers: &Headers, index: usize) -> String {
    let letters = super::column_letters(index);
    let header = headers.get(index);
    if header.text.is_empty() {
        format!("column {letters}")
    } else {
        format!("column {} ({letters})", quote(&header.name))
    }
}

/// Names columns for a message, at most five of them.
pub(crate) fn describe_all(headers: &Headers, indexes: &[usize]) -> String {
    const MAX_NAMED: usize = 5;

    let named = indexes.iter().take(MAX_NAMED);
    let mut names: Vec<_> = named.map(|index| describe(headers, *index)).collect();
    if indexes.len() > MAX_NAMED {
        names.push(format!("{} more", indexes.len() - MAX_NAMED));
    }
    names.join(", ")
}

fn error_column(headers: &Headers, index: usize) -> ErrorColumn {
    let header = headers.get(index);
    ErrorColumn {
        index,
        header: header.text.clone(),
        name: header.name.clone(),
    }
}
