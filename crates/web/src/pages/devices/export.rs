//! Export of the devices that a list selects.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, ContentDisposition, ContentEncoding, DispositionParam, DispositionType,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use devices_domain::{DeviceFilter, DeviceRepository, PageRequest, PageStart};
use devices_export::{
    AttributeKeysError, Encoder, Export, ExportFormat, MAX_ATTRIBUTE_COLUMNS, MAX_SHEET_DEVICES,
    attribute_keys, check_sheet_size,
};
use futures_util::StreamExt;

use super::filter::Filters;
use super::list::{ListRequest, on_same_page};
use super::{columns, load};
use crate::error::ConsoleError;
use crate::form::Form;
use crate::query::{Pairs, Query};
use crate::respond;
use crate::run_to_completion::run_to_completion;
use crate::session::{SignedIn, console};
use crate::texts::{self, EN};

/// `GET /devices/export`.
pub(super) async fn export(
    request: HttpRequest,
    signed_in: SignedIn,
    Query(query): Query,
) -> Result<HttpResponse, ConsoleError> {
    respond_to(&request, &signed_in, &query).await
}

/// `POST /devices/export`: for filters that do not fit into an address.
pub(super) async fn export_form(
    request: HttpRequest,
    signed_in: SignedIn,
    form: Form,
) -> Result<HttpResponse, ConsoleError> {
    respond_to(&request, &signed_in, &form.values).await
}

/// Streams the devices, oldest first, as rows that can be imported. If the store fails, the
/// connection is aborted, so that nobody mistakes a partial export for a complete one.
///
/// No device is read before the audit event of the export is stored.
async fn respond_to(
    request: &HttpRequest,
    signed_in: &SignedIn,
    sent: &Pairs,
) -> Result<HttpResponse, ConsoleError> {
    let format = match sent.get("format") {
        Some("csv") => ExportFormat::Csv,
        Some("xlsx") => ExportFormat::Xlsx,
        _ => return Err(ConsoleError::MalformedForm("unknown format")),
    };
    let permit = console(request)?
        .0
        .acquire_export(signed_in.actor().workspace)?;
    match prepare(request, signed_in, sent, format).await? {
        Ok(export) => {
            let chunks = export.into_chunks().await?;
            let body = chunks.map(move |chunk| {
                // The body holds the permit until it has been sent or the client disconnects.
                let _held = &permit;
                chunk.map(Bytes::from)
            });
            let mut response = HttpResponse::Ok();
            response
                .content_type(format.media_type())
                .insert_header(attachment(format))
                .insert_header((CACHE_CONTROL, "no-store"));
            if format == ExportFormat::Xlsx {
                // A workbook is compressed already. The header keeps `Compress` away from it.
                response.insert_header(ContentEncoding::Identity);
            }
            Ok(response.streaming(body))
        }
        Err(error) => {
            let columns = columns::of_request(request);
            let sent = on_same_page(sent);
            let list = ListRequest::new(request, signed_in, &sent, columns);
            let list = list.with_error(error).load().await?;
            respond::page(StatusCode::UNPROCESSABLE_ENTITY, &list)
        }
    }
}

/// Records the export. Returns a message if the devices cannot be exported in this format.
async fn prepare(
    request: &HttpRequest,
    signed_in: &SignedIn,
    sent: &Pairs,
    format: ExportFormat,
) -> Result<Result<Export, String>, ConsoleError> {
    let workspace = signed_in.workspace();
    let origin = signed_in.origin.clone();
    let mut filters = Filters::read(sent);
    let task = async move {
        load::resolve_user(workspace.users.as_ref(), &mut filters).await?;
        if !filters.errors.is_empty() {
            return Ok(Err(EN.devices.invalid_filters.to_owned()));
        }
        let (devices, filter) = (workspace.devices, filters.filter);
        if let Some(error) = size_error(devices.as_ref(), &filter, format).await? {
            return Ok(Err(error));
        }
        let keys = match attribute_keys(devices.as_ref(), &filter).await {
            Ok(keys) => keys,
            Err(AttributeKeysError::TooMany) => return Ok(Err(too_many_attributes())),
            Err(AttributeKeysError::Repository(error)) => return Err(error.into()),
        };
        devices.record_export(filter.clone(), origin).await?;
        let export = Export::new(devices, filter, Encoder::new(format, keys));
        // Excel reads CSV without a byte order mark in the code page of the computer.
        Ok(Ok(export.with_bom(format == ExportFormat::Csv)))
    };
    run_to_completion(request, signed_in.actor(), task).await
}

/// Returns a message if the devices do not fit on a sheet.
async fn size_error(
    devices: &dyn DeviceRepository,
    filter: &DeviceFilter,
    format: ExportFormat,
) -> Result<Option<String>, ConsoleError> {
    if format != ExportFormat::Xlsx {
        return Ok(None);
    }
    let first = PageRequest {
        limit: 1,
        start: PageStart::Offset(0),
    };
    let mut total = devices.list(filter.clone(), first).await?.total;
    if !total.is_exact {
        // The search is not counted to its end. The devices without it are an upper bound.
        let mut without_search = filter.clone();
        without_search.search = None;
        total = devices.list(without_search, first).await?.total;
    }
    let is_too_small = !total.is_exact || check_sheet_size(total.count).is_err();
    Ok(is_too_small.then(|| {
        let max = texts::group_digits(MAX_SHEET_DEVICES);
        texts::fill(EN.devices.sheet_too_small, &[("max", &max)])
    }))
}

fn too_many_attributes() -> String {
    let max = texts::group_digits(MAX_ATTRIBUTE_COLUMNS as u64);
    texts::fill(EN.devices.too_many_attributes, &[("max", &max)])
}

fn attachment(format: ExportFormat) -> ContentDisposition {
    let today = Utc::now().date_naive();
    let name = format!("devices-{today}.{}", format.as_str());
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    }
}
