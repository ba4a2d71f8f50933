//! API keys of the workspace, managed with an ADMIN key.

mod create;
mod created;
mod detail;
mod errors;
mod form;
mod list;
mod revoke;
mod rotate;

use actix_web::{HttpRequest, web};
use devices_domain::{ApiKey, KeyId, KeyPrecondition};

use crate::error::ConsoleError;
use crate::query::Pairs;
use crate::routes::page;
use crate::run_to_completion::run_to_completion;
use crate::session::SignedIn;

/// Adds the routes.
pub(crate) fn routes(scope: &mut web::ServiceConfig) {
    scope
        .service(page("/keys").get(list::list).post(create::create))
        .service(page("/keys/new").get(create::show))
        .service(page("/keys/{id:\\d+}").get(detail::show))
        .service(
            page("/keys/{id:\\d+}/rotate")
                .get(rotate::show)
                .post(rotate::rotate),
        )
        .service(
            page("/keys/{id:\\d+}/revoke")
                .get(revoke::show)
                .post(revoke::revoke),
        );
}

/// Finds a key of the workspace, and the newest one, which a form carries.
async fn find(
    request: &HttpRequest,
    signed_in: &SignedIn,
    key: KeyId,
) -> Result<(ApiKey, Option<KeyId>), ConsoleError> {
    let keys = signed_in.workspace().keys;
    let find = async move {
        let key = keys.find(key).await?.ok_or(ConsoleError::NotFound)?;
        Ok((key, keys.newest().await?))
    };
    run_to_completion(request, signed_in.actor(), find).await
}

/// Returns the newest key, which a form carries.
async fn newest(
    request: &HttpRequest,
    signed_in: &SignedIn,
) -> Result<Option<KeyId>, ConsoleError> {
    let keys = signed_in.workspace().keys;
    let newest = async move { Ok(keys.newest().await?) };
    run_to_completion(request, signed_in.actor(), newest).await
}

/// Name of the hidden value with the newest key.
const NEWEST: &str = "newest";

/// Returns the precondition of a form: the newest key has remained the newest of its name.
///
/// The secret of a key is shown once, in the response to the form, and stored nowhere. A form that
/// is sent again, by a second click or a reload, must neither create another key nor show the
/// secret again, on any server. The store checks the precondition together with the creation.
fn precondition(sent: &Pairs) -> Result<KeyPrecondition, ConsoleError> {
    let newest = sent.get(NEWEST).and_then(|newest| newest.parse().ok());
    let malformed = ConsoleError::MalformedForm("the form of a key has no newest key");
    newest
        .map(|newest| KeyPrecondition::NoneSince(Some(KeyId(newest))))
        .ok_or(malformed)
}
