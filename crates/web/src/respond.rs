//! Responses of pages.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use askama::Template;

use crate::PATH;
use crate::error::ConsoleError;

/// Responds with a page, such as a form with errors (422).
pub(crate) fn page(status: StatusCode, page: &impl Template) -> Result<HttpResponse, ConsoleError> {
    let html = page.render();
    let html = html.map_err(|error| ConsoleError::Internal(error.into()))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .body(html))
}

/// Leads to a page after a change: `path` is relative to the console, such as
/// `/devices/7?notice=saved`. Reload and back do not repeat the change.
pub(crate) fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{PATH}{path}")))
        .finish()
}
