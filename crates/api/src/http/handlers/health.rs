//! Health checks: liveness and readiness.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Returns a 200 as long as the process runs. Does not check the database.
pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Time for which a successful check of the database is reused.
const CHECK_TTL: Duration = Duration::from_millis(250);

/// Returns a 200 if the database responds and the server is not stopping.
///
/// The path needs no key. The lock and the TTL bound the load: the database gets one check at a
/// time, however many clients call.
pub(crate) async fn readyz(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    if state.is_stopping.load(Ordering::Acquire) {
        return Err(ApiError::Busy("the server is stopping"));
    }
    let mut last_health_check = state.last_health_check.lock().await;
    if last_health_check.is_none_or(|at| at.elapsed() > CHECK_TTL) {
        *last_health_check = None;
        state.health.ping().await?;
        *last_health_check = Some(Instant::now());
    }
    Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
}
