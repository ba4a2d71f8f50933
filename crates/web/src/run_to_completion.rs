//! Processing that continues after its client has disconnected.

use std::future::Future;

use actix_web::HttpRequest;
use devices_domain::Actor;
use tracing::Instrument;

use crate::error::ConsoleError;
use crate::session::console;

/// Runs `task` to its end, even if the client disconnects: a request counts as in progress for as
/// long as it holds resources.
///
/// # Errors
/// `Busy` if the limit of requests in progress is reached; the errors of `task`; `Internal` if it
/// panics.
pub(crate) async fn run_to_completion<T: 'static>(
    request: &HttpRequest,
    actor: Actor,
    task: impl Future<Output = Result<T, ConsoleError>> + 'static,
) -> Result<T, ConsoleError> {
    let permit = console(request)?.0.acquire_request(actor.workspace)?;
    let task = async move {
        let result = task.await;
        drop(permit);
        result
    };
    let joined = actix_web::rt::spawn(task.in_current_span()).await;
    joined.unwrap_or_else(|_| Err(ConsoleError::Internal("panicked".into())))
}
