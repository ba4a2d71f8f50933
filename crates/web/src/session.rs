//! Sessions: cookies, and the middleware and the extractors of pages that need one.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::cookie::{Cookie, SameSite, time::OffsetDateTime};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, LOCATION};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use devices_domain::{Actor, Admission, Origin, Scope, Store, WorkspaceStore};

use crate::PATH;
use crate::error::{ConsoleError, with_session};
use crate::host::{Console, NewSession};
use crate::query::Pairs;

const COOKIE: &str = "fleet_devices_session";

/// The session of a request.
#[derive(Clone)]
pub struct SignedIn {
    /// Admission of the request. The store decides it.
    pub admission: Arc<Admission>,
    /// Store of all workspaces.
    pub store: Arc<dyn Store>,
    /// Name of the workspace.
    pub workspace_name: String,
    /// Name of the key.
    pub key_name: String,
    /// Key and request that the audit trail records.
    pub origin: Origin,
}

impl SignedIn {
    pub(crate) fn actor(&self) -> Actor {
        self.admission.actor()
    }

    /// Returns the repositories of the workspace, for this request.
    pub(crate) fn workspace(&self) -> WorkspaceStore {
        self.store.for_request(Arc::clone(&self.admission))
    }
}

/// Session whose key allows writing.
pub(crate) struct WriteAccess(pub(crate) SignedIn);

/// Session whose key allows managing keys.
pub(crate) struct AdminAccess(pub(crate) SignedIn);

fn of_request(request: &HttpRequest, required: Scope) -> Result<SignedIn, ConsoleError> {
    let extensions = request.extensions();
    let session = extensions.get::<Rc<SignedIn>>();
    let session = session.ok_or(ConsoleError::SignedOut)?;
    if session.actor().scope.allows(required) {
        Ok(SignedIn::clone(session))
    } else {
        Err(ConsoleError::InsufficientScope)
    }
}

impl FromRequest for SignedIn {
    type Error = ConsoleError;
    type Future = Ready<Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(of_request(request, Scope::Read))
    }
}

impl FromRequest for WriteAccess {
    type Error = ConsoleError;
    type Future = Ready<Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(of_request(request, Scope::Write).map(Self))
    }
}

impl FromRequest for AdminAccess {
    type Error = ConsoleError;
    type Future = Ready<Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(of_request(request, Scope::Admin).map(Self))
    }
}

/// Finds the session of a request. Leads to the sign-in if there is none.
pub(crate) async fn middleware(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let session = match find(request.request()).await {
        Ok(session) => Rc::new(session),
        Err(ConsoleError::SignedOut) => {
            let to_sign_in = to_sign_in(request.request());
            return Ok(request.into_response(to_sign_in));
        }
        Err(error) => return Ok(request.error_response(error)),
    };
    request.extensions_mut().insert(Rc::clone(&session));
    // actix panics if the request is cloned before a scope has routed it. An `Err` has nothing of
    // the workspace: errors of handlers are responses.
    let response = next.call(request).await?.map_into_boxed_body();
    let http_request = response.request().clone();
    let host = &console(&http_request)?.0;
    let confirmed = host.confirm(&http_request, &session, response.status());
    match confirmed.await {
        Ok(()) => Ok(with_session(response, &session)),
        Err(ConsoleError::SignedOut) => {
            let to_sign_in = to_sign_in(&http_request);
            Ok(ServiceResponse::new(http_request, to_sign_in))
        }
        Err(error) => Ok(ServiceResponse::from_err(error, http_request)),
    }
}

async fn find(request: &HttpRequest) -> Result<SignedIn, ConsoleError> {
    let host = &console(request)?.0;
    let session = host.find_session(request, &tokens(request)).await?;
    session.ok_or(ConsoleError::SignedOut)
}

/// Returns the console of a request.
pub(crate) fn console(request: &HttpRequest) -> Result<&Console, ConsoleError> {
    let console = request.app_data();
    console.ok_or_else(|| ConsoleError::Internal("the application has no console".into()))
}

/// Returns the tokens in the cookies of a request. Browsers send several cookies of one name if
/// they differ in the path or the domain.
pub(crate) fn tokens(request: &HttpRequest) -> Vec<&str> {
    // `HttpRequest::cookies` fails if a cookie of another application is malformed.
    let headers = request.headers().get_all(header::COOKIE);
    let cookies = headers.flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    let values = cookies.filter_map(|cookie| {
        let cookie = str::from_utf8(cookie.trim_ascii()).ok()?;
        cookie.strip_prefix(COOKIE)?.strip_prefix('=')
    });
    values.filter(|value| !value.is_empty()).collect()
}

/// Returns the cookie of a new session. `Secure` if the browser uses HTTPS, here or at a proxy.
pub(crate) fn cookie(request: &HttpRequest, session: &NewSession) -> Cookie<'static> {
    let expires_at = OffsetDateTime::from_unix_timestamp(session.expires_at.timestamp());
    let mut cookie = Cookie::build(COOKIE, session.token.clone())
        .http_only(true)
        .same_site(SameSite::Strict)
        .path(PATH)
        .secure(request.connection_info().scheme() == "https")
        .finish();
    cookie.set_expires(expires_at.ok());
    cookie
}

/// Returns the cookie that removes the one of the session.
pub(crate) fn removal_cookie() -> Cookie<'static> {
    let mut cookie = Cookie::build(COOKIE, "")
        .http_only(true)
        .same_site(SameSite::Strict)
        .path(PATH)
        .finish();
    cookie.make_removal();
    cookie
}

/// Maximum length of the path and query to return to after the sign-in.
const MAX_NEXT: usize = 2_000;

/// Page that opens itself again, as a page of the console.
#[derive(Template)]
#[template(path = "reopen.html")]
struct ReopenPage;

/// Returns whether a link of another site led to the page. Browsers then send no cookie that is
/// `SameSite=Strict`, although the user may have signed in.
fn is_cross_site_navigation(request: &HttpRequest) -> bool {
    let is = |name: &str, value: &str| request.headers().get(name).is_some_and(|v| v == value);
    is("sec-fetch-site", "cross-site")
        && is("sec-fetch-dest", "document")
        && tokens(request).is_empty()
}

/// Returns the path and the query to open after the sign-in. For an export, those of its list:
/// another site must not start a download and its audit event.
fn next(request: &HttpRequest) -> String {
    let (path, query) = (request.path(), request.query_string());
    if let Some(list) = path.strip_suffix("/export") {
        let query = Pairs::parse(query.as_bytes()).unwrap_or_default();
        return format!("{list}?{}", query.without("format").encode());
    }
    let path_and_query = request.uri().path_and_query();
    path_and_query.map_or(PATH, |path| path.as_str()).to_owned()
}

/// Leads a browser to the sign-in, and from there back to the page if it can be opened again.
fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    if request.headers().contains_key("hx-request") {
        // A redirect would show the sign-in inside the page.
        return HttpResponse::Unauthorized()
            .insert_header(("HX-Refresh", "true"))
            .finish();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ConsoleError::SignedOut.error_response();
    }
    let next = next(request);
    if is_cross_site_navigation(request) && !request.path().ends_with("/export") {
        return match ReopenPage.render() {
            Ok(page) => HttpResponse::Ok()
                .content_type("text/html; charset=utf-8")
                .body(page),
            Err(error) => ConsoleError::Internal(error.into()).error_response(),
        };
    }
    // Twice encoded, a long query exceeds the limits of proxies.
    let next = match next.split_once('?') {
        Some((path, _)) if next.len() > MAX_NEXT => path,
        _ => &next,
    };
    let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
    HttpResponse::SeeOther()
        .insert_header((LOCATION, format!("{PATH}/sign-in?{query}")))
        .finish()
}
