//! The description of the API, and a page to read it on and to try it out.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The description, as it was when the program was built.
pub(super) const YAML: &str = include_str!("../../../../openapi.yaml");

static JSON: LazyLock<String> = LazyLock::new(|| {
    let description: serde_json::Value =
        serde_yaml_ng::from_str(YAML).expect("openapi.yaml is YAML: a test reads it");
    description.to_string()
});

pub(super) async fn yaml() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .body(YAML)
}

pub(super) async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(JSON.as_str())
}

/// The page's own links are relative to `/docs/`.
pub(super) async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

pub(super) fn docs() -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").config(
        Config::from("/openapi.json")
            .try_it_out_enabled(true)
            .persist_authorization(true)
            .display_request_duration(true),
    )
}
