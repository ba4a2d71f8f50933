//! Whether the process lives, and whether it can do its work.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::problem::Problem;
use super::state::State;

/// The process answers.
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The database answers, too, and the server was not told to stop.
pub(super) async fn readyz(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    if state.stopping.load(Ordering::Acquire) {
        return Err(Problem::Busy("the server is stopping"));
    }
    state.store.ping().await.map_err(Problem::from)?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
}
