//! Whether the process lives, and whether it can do its work.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::problem::Problem;
use super::state::State;

/// The process answers.
pub(super) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The database answers, too.
pub(super) async fn readyz(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.store.ping().await.map_err(Problem::from)?;
    Ok(HttpResponse::Ok().json(json!({ "status": "ready" })))
}
