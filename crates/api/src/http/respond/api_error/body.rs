//! Bodies of error responses.

use actix_web::{HttpResponse, HttpResponseBuilder};
use devices_domain::{ErrorReport, FieldError, Item, Related, RowError, RowRef};
use serde::Serialize;

use super::ApiError;
use super::file_body::{FileErrorBody, OptionErrorBody};
use crate::http::respond::import_views::LocatedRowError;

/// Completes the response with the body of the error.
pub(super) fn render(error: &ApiError, response: &mut HttpResponseBuilder) -> HttpResponse {
    match error {
        ApiError::Rejected(report) => response.json(ReportBody::new(report, Entry::of)),
        ApiError::RejectedParameters(report) => {
            response.json(ReportBody::new(report, Entry::of_parameter))
        }
        ApiError::RejectedFile(report, layout) => {
            let entry = |error: &RowError| LocatedRowError::of(layout, error.index, &error.error);
            response.json(ReportBody::new(report, entry))
        }
        ApiError::InvalidFile(error) => response.json(FileErrorBody::of(error)),
        ApiError::InvalidOption(error) => response.json(OptionErrorBody::of(error)),
        // The sentence takes the place of the code.
        ApiError::BadHeader(sentence) => response.json(ErrorBody {
            error: sentence,
            message: None,
        }),
        error => {
            let mapping = error.mapping();
            response.json(ErrorBody {
                error: mapping.code,
                message: mapping.message,
            })
        }
    }
}

/// Body of an error without a report.
#[derive(Serialize)]
struct ErrorBody {
    error: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

/// Body of an error with a report.
#[derive(Serialize)]
struct ReportBody<E> {
    /// Code of the first error if it concerns a business rule, else its message.
    error: String,
    errors: Vec<E>,
    errors_total: usize,
}

impl<E: AsRef<ErrorEntry>> ReportBody<E> {
    fn new(report: &ErrorReport, entry: impl Fn(&RowError) -> E) -> Self {
        let errors: Vec<_> = report.entries().iter().map(entry).collect();
        let error = match errors.first().map(E::as_ref) {
            Some(first) if first.is_business_rule => first.code.to_owned(),
            Some(first) => first.message.clone(),
            None => String::new(),
        };
        Self {
            error,
            errors,
            errors_total: report.total(),
        }
    }
}

/// An error of a report.
#[derive(Serialize)]
struct Entry {
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row_ref: Option<RowRef>,
    #[serde(flatten)]
    error: ErrorEntry,
}

/// An error without its row.
#[derive(Serialize)]
pub(crate) struct ErrorEntry {
    pointer: String,
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<usize>,
    code: &'static str,
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    existing_device_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    existing_user_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    did_you_mean: Option<&'static str>,
    #[serde(skip)]
    is_business_rule: bool,
}

impl AsRef<ErrorEntry> for Entry {
    fn as_ref(&self) -> &ErrorEntry {
        &self.error
    }
}

impl Entry {
    /// Creates the entry of a path or query parameter. A JSON Pointer refers only to the body.
    fn of_parameter(error: &RowError) -> Self {
        let mut entry = Self::of(error);
        entry.error.pointer = String::new();
        entry
    }

    fn of(error: &RowError) -> Self {
        Self {
            index: error.index,
            row_ref: error.row_ref.clone(),
            error: ErrorEntry::of(error.index, &error.error),
        }
    }
}

impl ErrorEntry {
    /// Creates the entries of the errors of the row at `index`.
    pub(crate) fn of_row(index: usize, errors: &[FieldError]) -> Vec<Self> {
        let errors = errors.iter();
        errors.map(|error| Self::of(Some(index), error)).collect()
    }

    /// Creates the entry of an error in the row at `index`, or in the body as a whole.
    fn of(index: Option<usize>, error: &FieldError) -> Self {
        Self::with_message(index, error, message(index, error))
    }

    /// Creates the entry like [`of`](Self::of), with this message.
    pub(crate) fn with_message(index: Option<usize>, error: &FieldError, message: String) -> Self {
        let mut entry = Self {
            pointer: pointer(index, error),
            field: error.field.as_ref().map(ToString::to_string),
            item: match error.item {
                Some(Item::Index(index)) => Some(index),
                Some(Item::Key(_)) | None => None,
            },
            code: error.code.as_str(),
            reason: error.reason.as_str(),
            message,
            duplicate_of: None,
            existing_device_id: None,
            existing_user_id: None,
            did_you_mean: None,
            is_business_rule: error.code.is_business_rule(),
        };
        match error.related {
            Some(Related::DuplicateOf(row)) => entry.duplicate_of = Some(row),
            Some(Related::ExistingDevice(device)) => entry.existing_device_id = Some(device.0),
            Some(Related::ExistingUser(user)) => entry.existing_user_id = Some(user.0),
            Some(Related::DidYouMean(name)) => entry.did_you_mean = Some(name),
            None => {}
        }
        entry
    }
}

/// Returns the JSON Pointer (RFC 6901) to the row, field or item.
fn pointer(index: Option<usize>, error: &FieldError) -> String {
    let row = index.map(|index| format!("/devices/{index}"));
    let field = error.field.as_ref().map(|name| reference_token(name));
    let item = error.item.as_ref().map(|item| match item {
        Item::Index(index) => format!("/{index}"),
        Item::Key(key) => reference_token(key),
    });
    [row, field, item].into_iter().flatten().collect()
}

/// Returns the reference token of a name. RFC 6901, 3: `~` and `/` are written `~0` and `~1`.
fn reference_token(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Returns the message: "devices[3].name is required", or "devices[3]: unknown field `colour`".
fn message(index: Option<usize>, error: &FieldError) -> String {
    let row = index.map(|index| format!("devices[{index}]"));
    if error.is_sentence() {
        return match row {
            Some(row) => format!("{row}: {}", error.detail),
            None => error.detail.to_string(),
        };
    }
    let subject = match (row, &error.field) {
        (Some(row), Some(field)) => row + &quote_member(field),
        (Some(row), None) => row,
        (None, Some(field)) => quote_name(field),
        (None, None) => "The body".to_owned(),
    };
    match &error.item {
        Some(item) => format!("{subject}{item} {}", error.detail),
        None => format!("{subject} {}", error.detail),
    }
}

/// Returns the name as messages show it. Quotes and escapes a name that would be invisible or
/// misleading.
fn quote_name(name: &str) -> String {
    if is_plain(name) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// Returns the name like [`quote_name`], as a member of an object: `.name`, or `["a name"]`.
fn quote_member(name: &str) -> String {
    if is_plain(name) {
        format!(".{name}")
    } else {
        format!("[{name:?}]")
    }
}

fn is_plain(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !name.is_empty() && name.chars().all(is_plain)
}
