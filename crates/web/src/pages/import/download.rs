//! Files to download: the rejected rows, and the mapping.

use std::collections::BTreeMap;

use actix_web::http::header::{
    Charset, ContentDisposition, DispositionParam, DispositionType, ExtendedValue,
};
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{CreateDevicesError, IdempotencyKey, UpsertDevices};
use devices_import::{
    BatchImportOptions, FileInMemory, ImportError, ReadFile, RejectedCell, RejectedFile,
    RejectedFormat, rejected_cells, rejected_file,
};

use super::form::ImportForm;
use super::plan::check;
use super::result::StoredResult;
use super::run::{idempotent_request, planned_options};
use super::start::{StartPage, UploadPart};
use super::{blocking, options, plan, store_error, wording};
use crate::error::ConsoleError;
use crate::run_to_completion::run_to_completion;

/// Maximum size of the rejected rows, as a multiple of the maximum size of a file. A workbook is
/// compressed.
const MAX_GROWTH: usize = 2;

/// Downloads the options as the JSON that the API and the program `devices` read, too.
pub(super) async fn mapping(
    request: HttpRequest,
    form: ImportForm,
) -> Result<HttpResponse, ConsoleError> {
    let actor = form.signed_in.actor();
    run_to_completion(&request, actor, write_mapping(form)).await
}

async fn write_mapping(form: ImportForm) -> Result<HttpResponse, ConsoleError> {
    let read = match form.read_options().await? {
        Ok(read) => read,
        Err(error) => {
            let message = wording::of_option(&error.pointer, &error.message);
            return StartPage::reject(&form.signed_in, form.limits, UploadPart::Mapping, message);
        }
    };
    let json = serde_json::to_string_pretty(&options::to_json(&read.options));
    let json = json.map_err(|error| ConsoleError::Internal(error.into()))?;
    let name = form.values.get("file_name").unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let name = match stem {
        "" => "mapping.json".to_owned(),
        stem => format!("{stem}.mapping.json"),
    };
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header(attachment(name))
        .body(json + "\n"))
}

/// Downloads the rows that would be rejected, or those that the import rejected.
pub(super) async fn rejected(
    request: HttpRequest,
    form: ImportForm,
) -> Result<HttpResponse, ConsoleError> {
    let actor = form.signed_in.actor();
    run_to_completion(&request, actor, write_rejected(form)).await
}

async fn write_rejected(mut form: ImportForm) -> Result<HttpResponse, ConsoleError> {
    let Some(options) = planned_options(&form).await? else {
        return check(form, None).await;
    };
    let Some(file) = form.file.take() else {
        return form.reject_without_file();
    };
    let format = match form.values.get("format") {
        Some("csv") => RejectedFormat::Csv,
        _ => RejectedFormat::Xlsx,
    };
    let stored = find_stored(&form, &file.bytes, &options).await?;
    let (file, read) = plan::read(file, options.into(), form.limits.import).await?;
    let Ok(read) = read else {
        form.file = Some(file);
        return check(form, None).await;
    };
    let (source, cells) = match stored {
        Some(stored) => (read.file, stored.into_cells()),
        None => plan_cells(&form, read).await?,
    };
    let max_bytes = form.limits.max_bytes.saturating_mul(MAX_GROWTH);
    match write(source, cells, format, max_bytes).await? {
        Ok(rejected) => Ok(HttpResponse::Ok()
            .content_type(rejected.media_type())
            .insert_header(attachment(rejected.name(Some(&file.name))))
            .body(rejected.bytes)),
        Err(error) => {
            let message = wording::of_error(&error);
            StartPage::reject(&form.signed_in, form.limits, UploadPart::File, message)
        }
    }
}

/// Returns the stored result of the import with the key of the form. `None` if the form is that of
/// a plan, or no import has the key.
async fn find_stored(
    form: &ImportForm,
    file: &[u8],
    options: &BatchImportOptions,
) -> Result<Option<StoredResult>, ConsoleError> {
    let key = form.values.get("key").and_then(IdempotencyKey::parse);
    let (Some(key), Some("stored")) = (key, form.values.get("rows")) else {
        return Ok(None);
    };
    let request = idempotent_request(key, file, options);
    let use_case = UpsertDevices::new(form.signed_in.workspace().devices);
    let found = use_case.find_response(Some(&request)).await;
    let found = found.map_err(store_error)?;
    found
        .map(|response| StoredResult::from_json(&response.body))
        .transpose()
}

/// Returns the file, and the errors of the rows that would be rejected.
async fn plan_cells(
    form: &ImportForm,
    read: ReadFile,
) -> Result<(FileInMemory, BTreeMap<u32, Vec<RejectedCell>>), ConsoleError> {
    let use_case = UpsertDevices::new(form.signed_in.workspace().devices);
    let rows = match use_case.plan(read.batch).await {
        Ok((_, plan)) => plan.rows,
        // The plan has the errors of the file as a whole. No row is to be corrected.
        Err(CreateDevicesError::Rejected(_)) => Vec::new(),
        Err(error) => return Err(store_error(error)),
    };
    let cells = rejected_cells(&read.layout, &rows);
    Ok((read.file, cells))
}

async fn write(
    mut file: FileInMemory,
    cells: BTreeMap<u32, Vec<RejectedCell>>,
    format: RejectedFormat,
    max_bytes: usize,
) -> Result<Result<RejectedFile, ImportError>, ConsoleError> {
    blocking(move || rejected_file(&mut file, &cells, format, max_bytes)).await
}

/// Returns the header that makes a browser save the response.
fn attachment(name: String) -> ContentDisposition {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let ascii: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || " -_.()".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(ascii),
            DispositionParam::FilenameExt(ExtendedValue {
                charset: Charset::Ext("UTF-8".to_owned()),
                language_tag: None,
                value: name.into_bytes(),
            }),
        ],
    }
}
