//! Responses to `POST /devices/import/validate`.

use actix_web::HttpResponse;
use actix_web::http::header::{ContentType, VARY};
use devices_domain::RowPlan;
use devices_import::{FileInMemory, FileKind, FileLayout, plan_errors};
use serde::Serialize;

use crate::http::respond::data::Data;
use crate::http::respond::import_views::{ColumnView, LocatedRowError, WarningView};
use crate::http::respond::plan_counts::PlanCountsView;

#[derive(Serialize)]
struct ImportPlan<'a> {
    file: FileView<'a>,
    columns: Vec<ColumnView<'a>>,
    missing: &'a [&'static str],
    warnings: Vec<WarningView<'a>>,
    plan: ImportCounts,
    errors: Vec<LocatedRowError>,
}

/// A file. `sheet` and `sheets` are null for text, `encoding` and `delimiter` for a workbook.
#[derive(Serialize)]
struct FileView<'a> {
    kind: &'static str,
    sheet: Option<&'a str>,
    sheets: Option<&'a [String]>,
    encoding: Option<&'static str>,
    delimiter: Option<char>,
    header_row: u32,
    rows: usize,
}

/// Numbers of rows by their plan, and of users that would be created.
#[derive(Serialize)]
struct ImportCounts {
    #[serde(flatten)]
    rows: PlanCountsView,
    create_users: usize,
}

/// Renders the interpretation of a file, and what an import would do with its rows.
pub(crate) fn render(
    file: &FileInMemory,
    layout: &FileLayout,
    rows: &[RowPlan],
    new_users: usize,
) -> Vec<u8> {
    let errors = plan_errors(rows);
    let errors = errors.map(|(index, error)| LocatedRowError::of(layout, Some(index), error));
    let plan = ImportPlan {
        file: file_view(file),
        columns: layout
            .columns()
            .iter()
            .map(ColumnView::with_samples)
            .collect(),
        missing: layout.missing_fields(),
        warnings: layout.warnings().iter().map(WarningView::of).collect(),
        plan: ImportCounts {
            rows: PlanCountsView::of(rows),
            create_users: new_users,
        },
        errors: errors.collect(),
    };
    serde_json::to_vec(&Data { data: plan })
        .expect("texts, numbers and lists can always be written as JSON")
}

fn file_view(file: &FileInMemory) -> FileView<'_> {
    let description = file.description();
    let view = FileView {
        kind: "csv",
        sheet: None,
        sheets: None,
        encoding: None,
        delimiter: None,
        header_row: description.header_row,
        rows: description.rows,
    };
    match &description.kind {
        FileKind::Xlsx { sheet, sheets } => FileView {
            kind: "xlsx",
            sheet: Some(sheet),
            sheets: Some(sheets),
            ..view
        },
        FileKind::Csv {
            encoding,
            delimiter,
        } => FileView {
            encoding: Some(encoding),
            delimiter: Some(*delimiter),
            ..view
        },
    }
}

/// Returns a 200 with a rendered plan.
pub(crate) fn response(body: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((VARY, "Accept"))
        .body(body)
}
