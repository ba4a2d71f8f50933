//! Static files. Their names contain a hash of their content, so that browsers keep them for good.

use std::sync::LazyLock;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};

use crate::PATH;
use crate::error::ConsoleError;

struct Asset {
    /// Name in the source, such as `console.css`.
    name: &'static str,
    /// Name in the URL, such as `console-0a1b2c3d.css`.
    hashed_name: String,
    content_type: &'static str,
    content: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset::new(
            $name,
            $content_type,
            include_bytes!(concat!("../assets/", $name)),
        )
    };
}

static ASSETS: LazyLock<[Asset; 6]> = LazyLock::new(|| {
    [
        asset!("console.css", "text/css; charset=utf-8"),
        asset!("console.js", "text/javascript; charset=utf-8"),
        asset!("htmx.min.js", "text/javascript; charset=utf-8"),
        asset!("import.js", "text/javascript; charset=utf-8"),
        asset!("icon.svg", "image/svg+xml"),
        asset!(
            "sample.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        ),
    ]
});

impl Asset {
    fn new(name: &'static str, content_type: &'static str, content: &'static [u8]) -> Self {
        let hash = Sha256::digest(content);
        let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        Self {
            name,
            hashed_name: format!("{stem}-{hash}.{extension}"),
            content_type,
            content,
        }
    }
}

/// Returns the path of a static file.
///
/// # Panics
/// If there is no such file.
pub(crate) fn path(name: &str) -> String {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.unwrap_or_else(|| panic!("no static file has the name {name}"));
    format!("{PATH}/assets/{}", asset.hashed_name)
}

/// Serves a static file by its hashed name.
pub(crate) async fn get(name: web::Path<String>) -> Result<HttpResponse, ConsoleError> {
    let asset = ASSETS.iter().find(|asset| asset.hashed_name == *name);
    let asset = asset.ok_or(ConsoleError::NotFound)?;
    Ok(HttpResponse::Ok()
        .content_type(asset.content_type)
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(asset.content))
}
