//! The entry point `/`, the API description (`openapi.yaml`), and a page that shows it and sends
//! requests.

use actix_web::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, ContentEncoding, LOCATION, VARY};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use crate::http::respond::api_error::ApiError;
use crate::http::state::State;

const YAML: &str = include_str!("../../../../../openapi.yaml");

/// Generated from the YAML by `build.rs`.
const JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

const PAGE: &str = include_str!("../../../assets/docs/index.html");

const PAGE_SCRIPT: &str = include_str!("../../../assets/docs/page.js");

/// The script that shows the description, compressed: the browser decompresses it.
const RAPIDOC_GZIP: &[u8] = include_bytes!("../../../assets/docs/rapidoc.js.gz");

/// Policy of the page. It loads nothing from another host, runs no inline script, and sends
/// requests to this server only. `RapiDoc` sets style attributes, and adds one style element, which
/// the hash allows.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; \
    style-src-elem 'sha256-li303uk9SL5e2VyFHnK5uvDmFPnwuOoCB96INoir/W8='; \
    style-src-attr 'unsafe-inline'; require-trusted-types-for 'script'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Redirects browsers to the console or else to the docs page, if one of them is served. Returns
/// the links of the API to all other clients.
///
/// Links are relative, so that they also work behind a proxy that adds a prefix.
pub(crate) async fn root(request: HttpRequest, state: web::Data<State>) -> HttpResponse {
    let accept = request.headers().get(ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    let has_docs = state.has_docs;
    let page = if state.has_console {
        Some("ui/")
    } else {
        has_docs.then_some("docs/")
    };
    if let Some(page) = page
        && accept.is_some_and(|types| types.contains("text/html"))
    {
        return HttpResponse::SeeOther()
            .insert_header((VARY, "Accept"))
            .insert_header((LOCATION, page))
            .finish();
    }
    let mut links = json!({
        "devices": "devices",
        "users": "users",
        "enrollments": "mdm/enrollments",
        "openapi": "openapi.json",
        "liveness": "livez",
        "readiness": "readyz",
    });
    if has_docs {
        links["docs"] = json!("docs/");
    }
    HttpResponse::Ok()
        .insert_header((VARY, "Accept"))
        .json(json!({
            "name": "Fleet Devices",
            "version": env!("CARGO_PKG_VERSION"),
            "links": links,
        }))
}

pub(crate) async fn yaml() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .body(YAML)
}

pub(crate) async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(JSON)
}

/// Redirects `/docs` to `/docs/`: the links of the page are relative to that path.
pub(crate) async fn to_docs(state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    require_docs(&state)?;
    Ok(HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "docs/"))
        .finish())
}

fn require_docs(state: &State) -> Result<(), ApiError> {
    if state.has_docs {
        Ok(())
    } else {
        Err(ApiError::NotFound)
    }
}

/// Serves the page, or one of its scripts.
pub(crate) async fn docs(
    file: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    require_docs(&state)?;
    match file.as_str() {
        "" | "index.html" => Ok(HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
            .body(PAGE)),
        "page.js" => Ok(HttpResponse::Ok()
            .content_type("text/javascript; charset=utf-8")
            .body(PAGE_SCRIPT)),
        "rapidoc.js" => Ok(HttpResponse::Ok()
            .content_type("text/javascript; charset=utf-8")
            .insert_header(ContentEncoding::Gzip)
            .body(RAPIDOC_GZIP)),
        _ => Err(ApiError::NotFound),
    }
}
