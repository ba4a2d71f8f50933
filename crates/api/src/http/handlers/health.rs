//! Whether the process lives, and whether it can do its work.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// The process answers.
pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// For how long an answer of the database's holds.
const FRESH: Duration = Duration::from_millis(250);

/// The database answers, too, and the server was not told to stop. Needs no key: however many ask, the
/// database is asked once at a time.
pub(crate) async fn readyz(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    if state.is_stopping.load(Ordering::Acquire) {
        return Err(ApiError::Busy("the server is stopping"));
    }
    let mut last_health_check = state.last_health_check.lock().await;
    if last_health_check.is_none_or(|at| at.elapsed() > FRESH) {
        *last_health_check = None;
        state.health.ping().await?;
        *last_health_check = Some(Instant::now());
    }
    Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
}
