//! Processing that continues after its client has disconnected.

use std::future::Future;

use actix_web::web;
use devices_domain::Actor;
use tracing::Instrument;

use crate::http::limits::concurrency::Permit;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Runs `task` to its end, even if the client disconnects: a request counts as in flight for as
/// long as it holds resources.
///
/// # Errors
/// `Busy` if the limit of requests in flight is reached, in total or of the workspace; the errors
/// of `task`; `Internal` if it panics.
pub(crate) async fn run_to_completion<T: 'static>(
    state: &web::Data<State>,
    actor: Actor,
    task: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    let permit = state.in_flight.try_acquire(actor.workspace)?;
    run_with(permit, task).await
}

/// Like [`run_to_completion`], for a request that has its permit.
pub(crate) async fn run_with<T: 'static>(
    permit: Permit,
    task: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    let task = async move {
        let result = task.await;
        drop(permit);
        result
    };
    let joined = actix_web::rt::spawn(task.in_current_span()).await;
    joined.unwrap_or_else(|_| Err(ApiError::Internal("panicked".into())))
}
