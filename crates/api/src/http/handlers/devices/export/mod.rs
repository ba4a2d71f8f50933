//! `GET /devices/export`.

mod encode;
mod format;
mod stream;

use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{DeviceFilter, DeviceRepository, ErrorCode, ErrorReport, FieldError, Reason};

use self::encode::Encoder;
use self::format::ExportFormat;
use self::stream::Export;
use crate::http::extract::auth::{AuditOrigin, ReadAccess};
use crate::http::extract::query::QueryParams;
use crate::http::extract::query_values::parse_boolean;
use crate::http::handlers::devices::filter;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Streams the devices, oldest first, as rows that can be created again. A device that exists
/// during the whole export occurs once. If the store fails, the connection is aborted, so that the
/// client cannot mistake a partial export for a complete one.
///
/// No device is read before the audit event of the export is stored.
pub(crate) async fn export(
    request: HttpRequest,
    ReadAccess(actor, store): ReadAccess,
    AuditOrigin(origin): AuditOrigin,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (filter, format, has_bom) = QueryParams::read(&request, |parameters| {
        let filter = filter::read(parameters);
        let format = match parameters.parse("format", ExportFormat::parse) {
            Some(format) => Ok(format),
            None => ExportFormat::negotiate(&request),
        };
        let has_bom = parameters.parse("bom", parse_boolean).unwrap_or(false);
        if has_bom && matches!(format, Ok(format) if format != ExportFormat::Csv) {
            let detail = "must be false unless the format is csv";
            parameters.reject("bom", Reason::NotInEnum, detail.to_owned());
        }
        (filter, format, has_bom)
    })?;
    let format = format?;
    let permit = state.exports.try_acquire(actor.workspace)?;
    let devices = store.devices;
    let encoder = Encoder {
        format,
        attribute_keys: match format {
            ExportFormat::Csv => attribute_keys(devices.as_ref(), &filter).await?,
            ExportFormat::Json | ExportFormat::Ndjson => Vec::new(),
        },
    };
    devices.record_export(filter.clone(), origin).await?;
    let export = Export::new(devices, filter, encoder, permit).with_bom(has_bom);
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((VARY, "Accept"))
        .insert_header(attachment(format))
        .streaming(export.into_stream().await?))
}

/// Maximum number of attribute keys in a CSV. Every row has a cell for each.
const MAX_ATTRIBUTE_COLUMNS: usize = 1_000;

/// Returns the keys of the attributes of all exported devices.
///
/// # Errors
/// `RejectedParameters` if they are too many for the columns of a CSV.
async fn attribute_keys(
    devices: &dyn DeviceRepository,
    filter: &DeviceFilter,
) -> Result<Vec<String>, ApiError> {
    let max = MAX_ATTRIBUTE_COLUMNS;
    let keys = devices.attribute_keys(filter.clone(), max + 1).await?;
    if keys.len() <= max {
        return Ok(keys);
    }
    let error = FieldError::new(
        "format",
        ErrorCode::InvalidParameter,
        Reason::TooManyItems,
        format!(
            "must not be csv for devices with more than {max} attribute keys: export json, or \
             filter the devices"
        ),
    );
    Err(ApiError::RejectedParameters(ErrorReport::from_error(error)))
}

fn attachment(format: ExportFormat) -> ContentDisposition {
    let name = format!("devices.{}", format.as_str());
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    }
}
