//! The description of the API, and a page to read it on and to try it out.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{ContentEncoding, LOCATION};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::http::respond::api_error::ApiError;

/// The description, as it was when the program was built.
pub(crate) const YAML: &str = include_str!("../../../../../openapi.yaml");

static JSON: LazyLock<String> = LazyLock::new(|| {
    let description: serde_json::Value =
        serde_yaml_ng::from_str(YAML).expect("openapi.yaml is YAML: a test reads it");
    description.to_string()
});

pub(crate) async fn yaml() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/yaml")
        .body(YAML)
}

pub(crate) async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(JSON.as_str())
}

/// The page's own links are relative to `/docs/`.
pub(crate) async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(
        Config::from("/openapi.json")
            .try_it_out_enabled(true)
            .persist_authorization(true)
            .display_request_duration(true)
            // Else the page shows the description's address to a validator elsewhere.
            .validator_url("none"),
    )
});

/// A file of the page; the page itself where no file is named.
pub(crate) async fn docs(file: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&PAGE));
    let file = found
        .map_err(|error| ApiError::Internal(error.to_string().into()))?
        .ok_or(ApiError::NotFound)?;
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type);
    if file.gzpipped {
        response.insert_header(ContentEncoding::Gzip);
    }
    Ok(response.body(file.bytes.into_owned()))
}
