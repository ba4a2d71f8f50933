//! Who calls: judged from the key alone, before the body is read.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use devices_domain::{Actor, Scope};

use crate::http::limits::key_rate_limit;
use crate::http::middleware::access_log::RequestContext;
use crate::http::respond::api_error::ApiError;
use crate::http::state::State;
use crate::secret::KeySecret;

/// An actor who may read.
pub(crate) struct ReadAccess(pub(crate) Actor);

/// An actor who may write.
pub(crate) struct WriteAccess(pub(crate) Actor);

type Admitted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for ReadAccess {
    type Error = ApiError;
    type Future = Admitted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(allowed(&request, Scope::Read).await?)) })
    }
}

impl FromRequest for WriteAccess {
    type Error = ApiError;
    type Future = Admitted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(allowed(&request, Scope::Write).await?)) })
    }
}

async fn allowed(request: &HttpRequest, needed: Scope) -> Result<Actor, ApiError> {
    let state = request.app_data::<web::Data<State>>();
    let state = state.ok_or(ApiError::Unauthorized)?;
    let _place = state.admit()?;
    let actor = actor(request, state).await?;
    match actor.scope.allows(needed) {
        true => Ok(actor),
        false => Err(ApiError::InsufficientScope),
    }
}

async fn actor(request: &HttpRequest, state: &State) -> Result<Actor, ApiError> {
    let address = client_address(request, state);
    let wait = address.and_then(|address| state.failures.wait(address));
    let fail = || {
        if address.is_some_and(|address| state.failures.failed(address)) {
            let is_proxied = state.client_address_header.is_some();
            tracing::warn!(
                ?address,
                is_proxied,
                "too many failed authentications: an address must wait"
            );
        }
        wait.map_or(ApiError::Unauthorized, key_rate_limit::refuse_address)
    };
    let secret = bearer(request).and_then(KeySecret::parse);
    let secret = secret.ok_or_else(&fail)?;
    let hash = secret.sha256();
    let _turn = match wait {
        Some(_) if !state.failures.knows(hash) => {
            let turn = state.failures.turn();
            Some(turn.ok_or_else(|| key_rate_limit::refuse_address(NEXT_TURN))?)
        }
        _ => None,
    };
    key_rate_limit::recall(request, state, hash)?;
    let found = state.keys.find_actor(secret.workspace(), hash).await?;
    state.failures.remember(hash, found.is_some());
    let actor = found.ok_or_else(fail)?;
    RequestContext::of(request).set_actor(actor);
    key_rate_limit::take(request, state, actor, hash).await?;
    Ok(actor)
}

/// When a key that waits for its turn may try again.
const NEXT_TURN: Duration = Duration::from_secs(1);

/// Where the client is: what the proxy says in front of which this server stands, else the other
/// end of the connection. Of a list the last entry counts, since a client can write the others.
fn client_address(request: &HttpRequest, state: &State) -> Option<IpAddr> {
    let told = state.client_address_header.as_ref().and_then(|name| {
        let last = request.headers().get_all(name).last()?;
        let address = last.to_str().ok()?.rsplit(',').next()?.trim();
        let with_port = || Some(address.parse::<SocketAddr>().ok()?.ip());
        address.parse().ok().or_else(with_port)
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
