//! `GET /devices/export`.

mod format;

use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType, VARY};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use devices_domain::{ErrorCode, ErrorReport, FieldError, Reason};
use devices_export::{
    AttributeKeysError, Encoder, Export, ExportFormat, MAX_ATTRIBUTE_COLUMNS, attribute_keys,
};
use futures_util::StreamExt;

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
        let format = match parameters.parse("format", format::parse) {
            Some(format) => Ok(format),
            None => format::negotiate(&request),
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
    let attribute_keys = if format.has_columns() {
        let keys = attribute_keys(devices.as_ref(), &filter).await;
        keys.map_err(attribute_keys_error)?
    } else {
        Vec::new()
    };
    devices.record_export(filter.clone(), origin).await?;
    let encoder = Encoder::new(format, attribute_keys);
    let export = Export::new(devices, filter, encoder).with_bom(has_bom);
    let chunks = export.into_chunks().await?;
    let body = chunks.map(move |chunk| {
        // The body holds the permit until it has been sent or the client disconnects.
        let _held = &permit;
        chunk.map(Bytes::from)
    });
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header((VARY, "Accept"))
        .insert_header(attachment(format))
        .streaming(body))
}

fn attribute_keys_error(error: AttributeKeysError) -> ApiError {
    match error {
        AttributeKeysError::Repository(error) => error.into(),
        AttributeKeysError::TooMany => {
            let error = FieldError::new(
                "format",
                ErrorCode::InvalidParameter,
                Reason::TooManyItems,
                format!(
                    "must not be csv for devices with more than {MAX_ATTRIBUTE_COLUMNS} attribute \
                     keys: export json, or filter the devices"
                ),
            );
            ApiError::RejectedParameters(ErrorReport::from_error(error))
        }
    }
}

fn attachment(format: ExportFormat) -> ContentDisposition {
    let name = format!("devices.{}", format.as_str());
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name)],
    }
}
