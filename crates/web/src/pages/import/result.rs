//! The result of an import.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use devices_domain::{BatchId, RowResult, StoredBatch, UpsertResult};
use devices_import::{FileLayout, RejectedCell};
use serde::{Deserialize, Serialize};

use super::embedded_file::EmbeddedFile;
use super::form::ImportForm;
use super::tile::{Show, Tile, tiles};
use super::wording;
use crate::error::ConsoleError;
use crate::frame::{Frame, Section};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;
use crate::texts::{self, EN};

/// Number of rejected rows that the page lists.
const SHOWN_ROWS: usize = 20;

/// The stored response of an import. Contains no value of the file other than headers.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredResult {
    counts: Counts,
    pub(super) failed: Vec<FailedRow>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
struct Counts {
    rows: u32,
    created: u32,
    updated: u32,
    unchanged: u32,
    skipped: u32,
    failed: u32,
}

/// A row that was not stored.
#[derive(Serialize, Deserialize)]
pub(super) struct FailedRow {
    row: u32,
    /// Index of the column, if there is one, and message of each error.
    errors: Vec<(Option<usize>, String)>,
}

impl StoredResult {
    pub(super) fn new(layout: &FileLayout, result: &UpsertResult) -> Self {
        let counts = result.counts();
        let rows = result.rows.iter().enumerate();
        let failed = rows.filter_map(|(index, row)| {
            let RowResult::Failed(errors) = row else {
                return None;
            };
            let errors = errors.iter().map(|error| {
                let column = layout.column(error).map(|column| column.index);
                (column, layout.message(Some(index), error))
            });
            Some(FailedRow {
                row: layout.row(index)?,
                errors: errors.collect(),
            })
        });
        Self {
            counts: Counts {
                rows: counts.rows,
                created: counts.created,
                updated: counts.updated,
                unchanged: counts.unchanged,
                skipped: counts.skipped,
                failed: counts.failed,
            },
            failed: failed.collect(),
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts, numbers and lists can always be written as JSON")
    }

    /// Reads a stored response.
    ///
    /// # Errors
    /// `Internal` if another version of the server wrote it differently.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, ConsoleError> {
        serde_json::from_slice(json).map_err(|error| ConsoleError::Internal(error.into()))
    }

    /// Returns the errors for the file of rejected rows, by row.
    pub(super) fn into_cells(self) -> BTreeMap<u32, Vec<RejectedCell>> {
        let rows = self.failed.into_iter().map(|failed| {
            let cells = failed.errors.into_iter();
            let cells = cells.map(|(column, message)| RejectedCell { column, message });
            (failed.row, cells.collect())
        });
        rows.collect()
    }
}

#[derive(Template)]
#[template(path = "import/result.html")]
struct ResultPage {
    frame: Frame,
    batch: Option<BatchId>,
    is_undone: bool,
    stored_as: String,
    tiles: Vec<Tile>,
    counts: Counts,
    failed: Vec<FailedView>,
    failed_title: String,
    embedded: EmbeddedFile,
    /// Form for the download of the rejected rows.
    rejected: Option<RejectedForm>,
}

struct FailedView {
    row: u32,
    messages: Vec<String>,
}

/// Input of the download of rejected rows.
struct RejectedForm {
    options: String,
    key: String,
    atomic: String,
}

impl ResultPage {
    fn new(frame: Frame, batch: Option<BatchId>, counts: Counts, embedded: EmbeddedFile) -> Self {
        let texts = &EN.import;
        let batch_text = batch.map(|batch| texts::fill(texts.stored_as, &[("batch", &batch)]));
        let failed = u64::from(counts.failed);
        Self {
            frame,
            batch,
            is_undone: false,
            stored_as: batch_text.unwrap_or_default(),
            tiles: counts.tiles(),
            counts,
            failed: Vec::new(),
            failed_title: texts::count(failed, texts.failed_one, texts.failed_other),
            embedded,
            rejected: None,
        }
    }

    fn has_more_failed(&self) -> bool {
        self.counts.failed as usize > self.failed.len()
    }

    fn can_undo(&self) -> bool {
        self.frame.can_write() && !self.is_undone && self.counts.created > 0
    }
}

impl Counts {
    fn tiles(&self) -> Vec<Tile> {
        let texts = &EN.import;
        tiles(&[
            (self.created.into(), texts.result_created, Show::Always),
            (self.updated.into(), texts.result_updated, Show::IfAny),
            (self.unchanged.into(), texts.plan_unchanged, Show::IfAny),
            (self.skipped.into(), texts.plan_skip, Show::IfAny),
            (self.failed.into(), texts.result_failed, Show::Errors),
        ])
    }

    fn of_batch(batch: &StoredBatch) -> Self {
        let counts = batch.counts;
        Self {
            rows: counts.rows,
            created: counts.created,
            updated: counts.updated,
            unchanged: counts.unchanged,
            skipped: counts.skipped,
            failed: counts.failed,
        }
    }
}

/// Shows the result of a stored import. Its address can be reloaded and shared.
pub(super) async fn show(
    request: HttpRequest,
    signed_in: SignedIn,
    batch: web::Path<i64>,
) -> Result<HttpResponse, ConsoleError> {
    let batches = signed_in.workspace().batches;
    let find = async move { Ok(batches.find(BatchId(*batch)).await?) };
    let found = run_to_completion(&request, signed_in.actor(), find).await?;
    let batch = found.ok_or(ConsoleError::NotFound)?;
    let frame = Frame::new(&signed_in, Section::Import, EN.import.result_title);
    let counts = Counts::of_batch(&batch);
    let mut page = ResultPage::new(frame, Some(batch.id), counts, EmbeddedFile::default());
    page.is_undone = batch.undone.is_some();
    respond::page(StatusCode::OK, &page)
}

/// Responds with the result of an import that did not store all rows.
pub(super) async fn respond_rejected(
    mut form: ImportForm,
    batch: Option<BatchId>,
    stored: StoredResult,
) -> Result<HttpResponse, ConsoleError> {
    let value = |name| form.values.raw(name).unwrap_or_default().to_owned();
    let title = if batch.is_some() {
        EN.import.result_title
    } else {
        EN.import.nothing_stored_title
    };
    let rejected = (!stored.failed.is_empty()).then(|| RejectedForm {
        options: value("options"),
        key: value("key"),
        atomic: value("atomic"),
    });
    let shown = stored.failed.iter().take(SHOWN_ROWS).map(|failed| {
        let messages = failed.errors.iter();
        FailedView {
            row: failed.row,
            messages: messages
                .map(|(_, message)| wording::sentence(message))
                .collect(),
        }
    });
    let frame = Frame::new(&form.signed_in, Section::Import, title);
    let mut page = ResultPage::new(frame, batch, stored.counts, form.embed().await?);
    page.failed = shown.collect();
    page.rejected = rejected;
    respond::page(StatusCode::OK, &page)
}
