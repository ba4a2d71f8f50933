//! Health checks: liveness and readiness.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Returns a 200 as long as the process runs. Does not check the database.
pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Returns a 200 if the database accepts writes and the server is not stopping, however busy it is:
/// other servers on the same database would be as busy.
///
/// The path needs no key, so any number of clients may call it. They share one check of the
/// database.
pub(crate) async fn readyz(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    if state.is_stopping.load(Ordering::Acquire) {
        return Err(ApiError::Busy("the server is stopping"));
    }
    state.health.ping().await?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
}
