//! Work that is carried to its end.

use std::future::Future;

use actix_web::web;

use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

/// Carries work to its end, also when the client goes away, so that what it holds is counted as long as
/// it is held; if there is room for it among the requests that are worked on.
pub(crate) async fn run_to_completion<T: 'static>(
    state: &web::Data<State>,
    work: impl Future<Output = Result<T, ApiError>> + 'static,
) -> Result<T, ApiError> {
    let place = state.admit()?;
    let work = async move {
        let done = work.await;
        drop(place);
        done
    };
    let done = actix_web::rt::spawn(work).await;
    done.unwrap_or_else(|_| Err(ApiError::Internal("a panic".into())))
}
