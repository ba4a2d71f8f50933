//! Who calls: judged from the key alone, before the body is read.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use devices_domain::{Actor, Scope};

use super::problem::Problem;
use super::rate_limit;
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
            let state = request.app_data::<web::Data<State>>();
            let state = state.ok_or(Problem::Unauthorized)?;
            let _place = state.admit()?;
            let actor = actor(&request, state).await?;
            rate_limit::take(&request, state, actor).await?;
            match actor.scope.allows(Scope::Write) {
                true => Ok(Self(actor)),
                false => Err(Problem::InsufficientScope),
            }
        })
    }
}

async fn actor(request: &HttpRequest, state: &State) -> Result<Actor, Problem> {
    let address = client_address(request, state);
    let secret = bearer(request).and_then(KeySecret::parse);
    let hash = secret.as_ref().map(KeySecret::sha256);
    if let Some(wait) = address.and_then(|address| state.failures.wait(address, hash)) {
        return Err(Problem::RateLimited(wait));
    }
    let found = match &secret {
        Some(secret) => {
            let looked_up = state.keys.find_actor(secret.workspace(), secret.sha256());
            looked_up.await?
        }
        None => None,
    };
    match (found, hash) {
        (Some(actor), Some(hash)) => {
            state.failures.worked(hash);
            Facts::of(request).know_actor(actor);
            Ok(actor)
        }
        _ => {
            if let Some(address) = address {
                state.failures.failed(address);
            }
            Err(Problem::Unauthorized)
        }
    }
}

/// Where the client is: what the proxy says in front of which this server stands, else the other
/// end of the connection. Of a list the last entry counts, since a client can write the others.
fn client_address(request: &HttpRequest, state: &State) -> Option<IpAddr> {
    let told = state.client_address_header.as_ref().and_then(|name| {
        let last = request.headers().get_all(name).last()?;
        last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    });
    told.or_else(|| request.peer_addr().map(|peer| peer.ip()))
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
