//! The API description (`openapi.yaml`), and Swagger UI, a page that shows it and sends requests.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{ContentEncoding, LOCATION};
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::Config;

use crate::http::respond::api_error::ApiError;

const YAML: &str = include_str!("../../../../../openapi.yaml");

/// Generated from the YAML by `build.rs`.
const JSON: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

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
pub(crate) async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, "/docs/"))
        .finish()
}

static SWAGGER_UI: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(
        Config::from("/openapi.json")
            .try_it_out_enabled(true)
            .persist_authorization(true)
            .display_request_duration(true)
            // By default, the page sends the URL of the description to an external validator.
            .validator_url("none"),
    )
});

/// Serves a file of the page, or the page itself if the path has no file name.
pub(crate) async fn docs(path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let file = utoipa_swagger_ui::serve(&path, Arc::clone(&SWAGGER_UI))
        .map_err(|error| ApiError::Internal(error.to_string().into()))?
        .ok_or(ApiError::NotFound)?;
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type);
    if file.gzpipped {
        response.insert_header(ContentEncoding::Gzip);
    }
    Ok(response.body(file.bytes.into_owned()))
}
