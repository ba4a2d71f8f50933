//! Who calls: judged from the key alone, before the body is read.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use devices_domain::{Actor, Scope};

use super::problem::Problem;
use super::request_log::Facts;
use super::state::State;
use crate::secret::KeySecret;

/// An actor who may write.
pub(super) struct Writer(pub(super) Actor);

impl FromRequest for Writer {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = actor(&request).await?;
            match actor.scope.allows(Scope::Write) {
                true => Ok(Self(actor)),
                false => Err(Problem::InsufficientScope),
            }
        })
    }
}

async fn actor(request: &HttpRequest) -> Result<Actor, Problem> {
    let secret = bearer(request).and_then(KeySecret::parse);
    let (Some(secret), Some(state)) = (secret, request.app_data::<web::Data<State>>()) else {
        return Err(Problem::Unauthorized);
    };
    let actor = state
        .keys
        .find_actor(secret.workspace(), secret.sha256())
        .await?
        .ok_or(Problem::Unauthorized)?;
    Facts::of(request).know_actor(actor);
    Ok(actor)
}

/// The token of the one `Authorization: Bearer` header (RFC 6750); the scheme in any case.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (header, None) = (headers.next()?, headers.next()) else {
        return None;
    };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("Bearer")
        .then(|| token.trim_matches(' '))
}
