//! The second step: the fields of the columns, and the options for rows.

use std::collections::HashSet;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{Attributes, Field, Format, OnConflict, fields};
use devices_import::{
    BatchImportOptions, Column, FileError, FileErrorReason, ImportError, ImportOptions,
    Interpretation, MatchedBy, WarningKind, interpret_file,
};

use super::choices::{DefaultInput, Formats, RowOptions, default_inputs, name_template};
use super::embedded_file::EmbeddedFile;
use super::form::ImportForm;
use super::options::{self, ShownColumn};
use super::start::{StartPage, UploadPart};
use super::table::{TableSettings, summary};
use super::values::Translations;
use super::{blocking, wording};
use crate::error::ConsoleError;
use crate::fields::{DEVICE_GROUPS, label};
use crate::frame::{Frame, Section};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::texts::EN;

#[derive(Template)]
#[template(path = "import/columns.html")]
struct ColumnsPage {
    frame: Frame,
    summary: String,
    embedded: EmbeddedFile,
    /// Options of the file and the batch, as JSON.
    options: String,
    /// Columns as they are shown, as JSON.
    shown: String,
    columns: Vec<ColumnView>,
    groups: Vec<FieldChoices>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    defaults: Vec<DefaultInput>,
    /// Template of the name. `None` if a column provides the name.
    name_from: Option<String>,
    formats: Formats,
    row_options: RowOptions,
    translations: Translations,
    table: TableSettings,
}

/// Something that the user has to decide, with the control for it.
struct Problem {
    message: String,
    control: String,
}

struct ColumnView {
    letters: String,
    header: String,
    samples: Vec<String>,
    field: String,
    /// Value and label of the attribute that the column can become.
    attribute: Option<(String, String)>,
    by: &'static str,
    needs_check: bool,
    has_problem: bool,
}

/// Fields of a group, for the select of each column.
struct FieldChoices {
    title: &'static str,
    fields: Vec<(&'static str, String)>,
}

/// Shows the columns of the file, as the options in the form state them.
pub(super) async fn show(
    request: HttpRequest,
    form: ImportForm,
) -> Result<HttpResponse, ConsoleError> {
    let actor = form.signed_in.actor();
    let step = async {
        match form.read_options().await? {
            Ok(read) => respond_columns(form, read.options, false).await,
            Err(error) => {
                let message = wording::of_option(&error.pointer, &error.message);
                StartPage::reject(&form.signed_in, form.limits, UploadPart::Mapping, message)
            }
        }
    };
    run_to_completion(&request, actor, step).await
}

/// Responds with the columns of a file. With `is_checked`, the user believes that they are
/// complete: what is missing is an error.
pub(super) async fn respond_columns(
    mut form: ImportForm,
    options: BatchImportOptions,
    is_checked: bool,
) -> Result<HttpResponse, ConsoleError> {
    let Some(file) = form.file.take() else {
        return form.reject_without_file();
    };
    let (limits, keeps_file) = (form.limits, form.browser_keeps_file());
    let file_options = options.file.clone();
    let interpret = move || {
        let interpretation = interpret_file(&file.bytes, &file_options, limits.import);
        (interpretation, file.embed(keeps_file))
    };
    let (interpretation, embedded) = blocking(interpret).await?;
    let interpretation = match interpretation {
        Ok(interpretation) => interpretation,
        Err(error) => {
            let message = wording::of_error(&error);
            return StartPage::reject(&form.signed_in, limits, UploadPart::File, message);
        }
    };
    let page = ColumnsPage::new(&form, embedded, options, interpretation, is_checked);
    let status = if is_checked && page.has_problems() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    respond::page(status, &page)
}

impl ColumnsPage {
    fn new(
        form: &ImportForm,
        embedded: EmbeddedFile,
        mut options: BatchImportOptions,
        mut interpretation: Interpretation,
        is_checked: bool,
    ) -> Self {
        show_contested_fields(&mut interpretation);
        let problems = problems(&interpretation);
        remove_invalid_options(&mut options.file, &interpretation.errors);
        let file = &options.file;
        let is_update = options.batch.on_conflict == OnConflict::Update;
        let requires = is_checked && !is_update;
        Self {
            frame: Frame::new(&form.signed_in, Section::Import, EN.import.columns_title),
            summary: summary(&embedded.name, &interpretation.description),
            embedded,
            options: options::to_json(&options).to_string(),
            shown: shown_columns(file, &interpretation.columns),
            columns: column_views(&interpretation),
            groups: field_choices(),
            problems,
            warnings: warnings(&interpretation),
            defaults: default_inputs(file, &interpretation.missing_fields, requires),
            name_from: name_template(form, file, &interpretation),
            formats: Formats::new(file),
            row_options: RowOptions::new(options.batch),
            translations: Translations::new(file, &[]),
            table: TableSettings::new(&interpretation.description, file),
        }
    }

    fn has_problems(&self) -> bool {
        !self.problems.is_empty() || self.defaults.iter().any(|input| input.error.is_some())
    }

    /// Returns whether an option of the table has an error.
    fn has_table_problem(&self) -> bool {
        let controls = ["sheet", "header_row", "encoding", "delimiter"];
        let mut problems = self.problems.iter();
        problems.any(|problem| controls.contains(&problem.control.as_str()))
    }
}

/// Shows the field that several columns provide at each of them. The user has to change all but
/// one.
fn show_contested_fields(interpretation: &mut Interpretation) {
    for error in &interpretation.errors {
        let ImportError::File(FileError {
            field: Some(field),
            columns,
            ..
        }) = error
        else {
            continue;
        };
        for contested in columns {
            if let Some(column) = interpretation.columns.get_mut(contested.index) {
                column.field = Some(field.clone());
            }
        }
    }
}

/// Returns what the user has to decide.
fn problems(interpretation: &Interpretation) -> Vec<Problem> {
    let errors = interpretation.errors.iter();
    let problems = errors.map(|error| Problem {
        message: wording::of_error(error),
        control: control_of(error),
    });
    problems.collect()
}

/// Returns the id of the control that solves an error.
fn control_of(error: &ImportError) -> String {
    match error {
        ImportError::File(error) if error.reason == FileErrorReason::AmbiguousDate => {
            "date_format".to_owned()
        }
        ImportError::File(error) => match error.columns.last() {
            Some(column) => format!("field-{}", column.index),
            None => "columns".to_owned(),
        },
        ImportError::Option(error) => {
            let option = error.pointer.split('/').nth(1).unwrap_or_default();
            match option {
                "sheet" | "header_row" | "encoding" | "delimiter" | "name_from" => {
                    option.to_owned()
                }
                _ => "columns".to_owned(),
            }
        }
        ImportError::Io(_) => "columns".to_owned(),
    }
}

/// Removes the options that do not fit the file, such as those of columns that only another file
/// has. Texts that the user entered stay, to be corrected.
fn remove_invalid_options(options: &mut ImportOptions, errors: &[ImportError]) {
    let pointers = errors.iter().filter_map(|error| match error {
        ImportError::Option(error) => Some(error.pointer.as_str()),
        _ => None,
    });
    for pointer in pointers {
        let mut segments = pointer.split('/').skip(1);
        let option = segments.next().unwrap_or_default();
        let name = segments.next().unwrap_or_default();
        let name = name.replace("~1", "/").replace("~0", "~");
        match option {
            "sheet" => options.sheet = None,
            "encoding" => options.encoding = None,
            "delimiter" => options.delimiter = None,
            "columns" => drop(options.columns.remove(&name)),
            "defaults" => drop(options.defaults.remove(&name)),
            "values" => drop(options.values.remove(&name)),
            _ => {}
        }
    }
}

fn shown_columns(options: &ImportOptions, columns: &[Column]) -> String {
    let given: HashSet<String> = options
        .columns
        .keys()
        .map(|name| name.to_lowercase())
        .collect();
    let columns = columns.iter().map(|column| {
        let is_given = given.contains(&column.name.to_lowercase());
        ShownColumn {
            name: column.name.clone(),
            field: column.field.clone(),
            is_given,
        }
    });
    serde_json::to_string(&columns.collect::<Vec<_>>()).unwrap_or_default()
}

fn column_views(interpretation: &Interpretation) -> Vec<ColumnView> {
    let has_problem = |index: usize| {
        interpretation.errors.iter().any(|error| {
            let ImportError::File(error) = error else {
                return false;
            };
            error.columns.iter().any(|column| column.index == index)
        })
    };
    let columns = interpretation.columns.iter();
    let views = columns.map(|column| ColumnView {
        letters: column.letters(),
        header: column.header.clone(),
        samples: column.samples.clone(),
        field: column.field.clone().unwrap_or_default(),
        attribute: attribute(column),
        by: if has_problem(column.index) {
            EN.import.by_contested
        } else {
            wording::matched_by(column.by)
        },
        needs_check: column.by == Some(MatchedBy::Similar),
        has_problem: has_problem(column.index),
    });
    views.collect()
}

/// Returns the attribute that the column is, or can become: its key is the header.
fn attribute(column: &Column) -> Option<(String, String)> {
    let field = column.field.as_deref();
    let current = field.filter(|field| field.starts_with("attributes."));
    let name = match current {
        Some(name) => name.to_owned(),
        None if column.header.is_empty() => return None,
        None => format!("attributes.{}", Attributes::parse_key(&column.name).ok()?),
    };
    let label = wording::field_label(&name);
    Some((name, label))
}

/// Returns the fields that a column can provide.
fn field_choices() -> Vec<FieldChoices> {
    let is_provided = |field: &&Field| !matches!(field.format(), Format::Attributes { .. });
    let choice = |field: &Field| (field.name(), label(field));
    let groups = DEVICE_GROUPS.iter().map(|group| FieldChoices {
        title: group.title,
        fields: group
            .fields
            .iter()
            .filter(is_provided)
            .map(choice)
            .collect(),
    });
    let mut groups: Vec<_> = groups.collect();
    let is_grouped = |name: &str| {
        let mut groups = DEVICE_GROUPS.iter();
        groups.any(|group| group.fields.iter().any(|field| field.name() == name))
    };
    let others = fields().iter().filter(|field| !is_grouped(field.name()));
    // The assignee's email, which is not stored with the device.
    groups[0].fields.extend(others.map(choice));
    groups
}

/// Returns the warnings that the table of columns does not show.
fn warnings(interpretation: &Interpretation) -> Vec<String> {
    let warnings = interpretation.warnings.iter();
    let is_shown = |kind: WarningKind| {
        matches!(
            kind,
            WarningKind::IgnoredColumn | WarningKind::SimilarColumn
        )
    };
    let warnings = warnings.filter(|warning| !is_shown(warning.kind));
    warnings
        .map(|warning| wording::sentence(&warning.message))
        .collect()
}
