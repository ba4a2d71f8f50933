//! The third step: what an import would do, and the errors of the rows.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use devices_domain::{
    BatchPlan, CreateDevicesError, ErrorReport, FieldError, PlanCounts, UpsertDevices,
};
use devices_import::{
    BatchImportOptions, ErrorGroup, ErrorGroupLimits, FileInMemory, FileLayout, ReadFile,
    WarningKind, column_letters, group_errors, plan_errors, read_batch,
};
use uuid::Uuid;

use super::columns::respond_columns;
use super::embedded_file::{EmbeddedFile, SentFile};
use super::form::ImportForm;
use super::options::{self, FormOptions};
use super::run::checked_fingerprint;
use super::start::{StartPage, UploadPart};
use super::table::summary;
use super::tile::{Show, Tile, tiles};
use super::values::Translations;
use super::{blocking, store_error, wording};
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::texts::{self, EN};

/// Number of examples that a group shows. More are read for the translations of values.
const SHOWN_EXAMPLES: usize = 5;

const LIMITS: ErrorGroupLimits = ErrorGroupLimits {
    groups: 20,
    examples: 25,
};

#[derive(Template)]
#[template(path = "import/plan.html")]
struct PlanPage {
    frame: Frame,
    /// Why the page is shown instead of a result.
    notice: Option<&'static str>,
    summary: String,
    embedded: EmbeddedFile,
    options: String,
    /// Idempotency key of the import.
    key: String,
    /// Fingerprint of the file and the options that were checked.
    checked: String,
    tiles: Vec<Tile>,
    outcome: Outcome,
    translations: Translations,
}

/// Result of the check of a file.
#[derive(Default)]
struct Outcome {
    counts: PlanCounts,
    new_users: usize,
    /// Errors of the file as a whole. Nothing can be imported.
    file_errors: Vec<String>,
    groups: Vec<GroupView>,
    /// Number of all errors of rows.
    title: String,
    /// Number of groups that are left out. Empty for none.
    omitted: String,
    warnings: Vec<String>,
}

struct GroupView {
    title: String,
    advice: &'static str,
    rows: String,
    examples: Vec<ExampleView>,
    /// Number of errors without an example. Empty for none.
    omitted: String,
}

struct ExampleView {
    row: u32,
    /// Letters and header. Empty if no column provides the value.
    column: String,
    value: Option<String>,
    message: String,
    /// Number of further rows with this value. Empty for none.
    more: String,
}

/// Checks the file with the options in the form.
pub(super) async fn show(
    request: HttpRequest,
    form: ImportForm,
) -> Result<HttpResponse, ConsoleError> {
    let actor = form.signed_in.actor();
    run_to_completion(&request, actor, check(form, None)).await
}

/// Responds with the plan, or with the step whose choices are incomplete.
pub(super) async fn check(
    mut form: ImportForm,
    notice: Option<&'static str>,
) -> Result<HttpResponse, ConsoleError> {
    let FormOptions {
        options,
        reads_other_table,
    } = match form.read_options().await? {
        Ok(read) => read,
        Err(error) => {
            let message = wording::of_option(&error.pointer, &error.message);
            return StartPage::reject(&form.signed_in, form.limits, UploadPart::Mapping, message);
        }
    };
    if reads_other_table {
        return respond_columns(form, options, false).await;
    }
    let Some(file) = form.file.take() else {
        return form.reject_without_file();
    };
    let plan = Arc::new(options);
    let (file, read) = read(file, Arc::clone(&plan), form.limits.import).await?;
    let needs_fields = !plan.batch.matches_rows();
    let read = match read {
        Ok(read) if !needs_fields || read.layout.missing_fields().is_empty() => read,
        _ => {
            form.file = Some(file);
            return respond_columns(form, BatchImportOptions::clone(&plan), true).await;
        }
    };
    let (description, rows) = (read.file.description().clone(), read.batch);
    let use_case = UpsertDevices::new(form.signed_in.workspace().devices);
    let planned = match use_case.plan(rows).await {
        Ok((batch, planned)) => {
            drop(batch);
            Ok(planned)
        }
        Err(CreateDevicesError::Rejected(report)) => Err(report),
        Err(error) => return Err(store_error(error)),
    };
    let (mut source, layout, keeps_file) = (read.file, read.layout, form.browser_keeps_file());
    let options = Arc::clone(&plan);
    let describe = move || {
        let checked = checked_fingerprint(&file.bytes, &options);
        let (outcome, translations) = match planned {
            Ok(planned) => Outcome::of_plan(&mut source, &layout, planned, &options),
            Err(report) => (
                Outcome::of_report(&layout, &report),
                Translations::default(),
            ),
        };
        (outcome, translations, checked, file.embed(keeps_file))
    };
    let (outcome, translations, checked, embedded) = blocking(describe).await?;
    let page = PlanPage {
        frame: Frame::new(&form.signed_in, Section::Import, EN.import.plan_title),
        notice,
        summary: summary(&embedded.name, &description),
        embedded,
        options: options::to_json(&plan).to_string(),
        key: Uuid::now_v7().to_string(),
        checked,
        tiles: outcome.tiles(),
        outcome,
        translations,
    };
    respond::page(StatusCode::OK, &page)
}

/// Reads a file into a batch of which each row is planned by itself. Returns the file, too.
pub(super) async fn read(
    file: SentFile,
    options: Arc<BatchImportOptions>,
    limits: devices_import::ImportLimits,
) -> Result<(SentFile, Result<ReadFile, devices_import::ImportError>), ConsoleError> {
    let read = move || {
        let mut options = BatchImportOptions::clone(&options);
        options.batch.is_atomic = false;
        let read = read_batch(file.bytes.clone(), &options, limits);
        (file, read)
    };
    blocking(read).await
}

impl Outcome {
    fn of_plan(
        file: &mut FileInMemory,
        layout: &FileLayout,
        plan: BatchPlan,
        options: &BatchImportOptions,
    ) -> (Self, Translations) {
        let errors = plan_errors(&plan.rows);
        let mut outcome = Self {
            counts: PlanCounts::of(&plan.rows),
            new_users: plan.new_users,
            warnings: warnings(layout),
            ..Self::default()
        };
        let mut translations = Translations::new(&options.file, &[]);
        match group_errors(file, layout, errors, LIMITS) {
            Ok(groups) => {
                translations = Translations::new(&options.file, &groups.groups);
                let views = groups.groups.into_iter();
                outcome.groups = views.map(|group| GroupView::new(layout, group)).collect();
                outcome.title = texts::count(
                    groups.total as u64,
                    EN.import.error_one,
                    EN.import.error_other,
                );
                let (one, other) = (EN.import.groups_one, EN.import.groups_other);
                outcome.omitted = unless_zero(groups.omitted, one, other);
            }
            Err(error) => outcome.file_errors.push(wording::of_error(&error)),
        }
        (outcome, translations)
    }

    fn of_report(layout: &FileLayout, report: &ErrorReport) -> Self {
        let entries = report.entries().iter();
        let message = |(index, error): (Option<usize>, &FieldError)| {
            wording::sentence(&layout.message(index, error))
        };
        let file_errors = entries.map(|entry| message((entry.index, &entry.error)));
        Self {
            file_errors: file_errors.take(LIMITS.groups).collect(),
            ..Self::default()
        }
    }

    /// Returns the number of rows that would be stored.
    fn stored(&self) -> u64 {
        (self.counts.create + self.counts.update) as u64
    }

    fn tiles(&self) -> Vec<Tile> {
        let (counts, texts) = (&self.counts, &EN.import);
        tiles(&[
            (counts.create as u64, texts.plan_create, Show::Always),
            (counts.update as u64, texts.plan_update, Show::IfAny),
            (counts.unchanged as u64, texts.plan_unchanged, Show::IfAny),
            (counts.skip as u64, texts.plan_skip, Show::IfAny),
            (self.new_users as u64, texts.plan_users, Show::IfAny),
            (counts.fail as u64, texts.plan_fail, Show::Errors),
        ])
    }

    /// Returns the text of the button that imports all rows.
    fn run_label(&self) -> String {
        texts::count(self.stored(), EN.import.run_one, EN.import.run_other)
    }

    /// Returns the text of the button that imports the rows without errors.
    fn rest_label(&self) -> String {
        texts::count(self.stored(), EN.import.rest_one, EN.import.rest_other)
    }

    fn can_import(&self) -> bool {
        self.file_errors.is_empty() && self.stored() > 0
    }
}

/// Returns the warnings about values and the layout. Those about columns were shown before.
fn warnings(layout: &FileLayout) -> Vec<String> {
    let warnings = layout.warnings().iter();
    let warnings = warnings.filter(|warning| warning.kind != WarningKind::SimilarColumn);
    warnings
        .map(|warning| wording::sentence(&warning.message))
        .collect()
}

impl GroupView {
    fn new(layout: &FileLayout, group: ErrorGroup) -> Self {
        let shown: Vec<_> = group.examples.into_iter().take(SHOWN_EXAMPLES).collect();
        let covered: usize = shown.iter().map(|example| example.count).sum();
        let examples = shown.into_iter().map(|example| ExampleView {
            row: example.row,
            column: example
                .column
                .map(|index| column_name(layout, index))
                .unwrap_or_default(),
            value: example.value,
            message: wording::problem(
                &example.message,
                example.column.and_then(|index| layout.columns().get(index)),
            ),
            more: unless_zero(
                example.count.saturating_sub(1),
                EN.import.more_one,
                EN.import.more_other,
            ),
        });
        Self {
            title: wording::group_title(group.field.as_deref(), group.reason),
            advice: wording::group_advice(group.reason),
            rows: texts::count(group.count as u64, EN.import.row_one, EN.import.row_other),
            examples: examples.collect(),
            omitted: unless_zero(
                group.count.saturating_sub(covered),
                EN.import.omitted_one,
                EN.import.omitted_other,
            ),
        }
    }
}

/// Returns the text for a number, or nothing for 0.
fn unless_zero(count: usize, one: &str, other: &str) -> String {
    if count == 0 {
        return String::new();
    }
    texts::count(count as u64, one, other)
}

fn column_name(layout: &FileLayout, index: usize) -> String {
    let header = layout
        .columns()
        .get(index)
        .map(|column| column.header.as_str());
    let letters = column_letters(index);
    match header {
        Some(header) if !header.is_empty() => format!("{letters} {header}"),
        _ => letters,
    }
}
