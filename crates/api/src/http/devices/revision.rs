//! `ETag`, `If-Match` and `If-None-Match` of devices (RFC 9110).
//!
//! A tag is `"<revision>-<digest>"`. The digest is of everything that is shown, so that whoever keeps a
//! copy learns of every change; the revision is of the device itself, so that whoever changes it is not
//! refused because device management reported something meanwhile.

use actix_web::HttpRequest;
use actix_web::http::header::{
    ETAG, EntityTag, Header, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, IfMatch, IfNoneMatch,
};
use actix_web::{HttpResponse, http::header::ContentType};
use devices_domain::{Expected, Revision, StoredDevice};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::shown::FullDevice;
use crate::http::problem::Problem;

/// What `If-Match` says the device must be.
pub(super) fn expected(request: &HttpRequest) -> Result<Expected, Problem> {
    const MALFORMED: Problem = Problem::BadHeader(
        "The header If-Match must be *, or the ETags of a device in their quotes, separated by commas",
    );
    let Some(tags) = read::<IfMatch>(request, &IF_MATCH, || MALFORMED)? else {
        return Ok(Expected::Anything);
    };
    Ok(match tags {
        IfMatch::Any => Expected::Anything,
        IfMatch::Items(tags) => Expected::OneOf(tags.iter().filter_map(revision).collect()),
    })
}

/// A header, if it is there; a typed one leaves out what it cannot read.
fn read<H: Header>(
    request: &HttpRequest,
    name: &HeaderName,
    malformed: fn() -> Problem,
) -> Result<Option<H>, Problem> {
    if !request.headers().contains_key(name) {
        return Ok(None);
    }
    H::parse(request).map(Some).map_err(|_| malformed())
}

fn revision(tag: &EntityTag) -> Option<Revision> {
    let (revision, _) = tag.tag().split_once('-').filter(|_| !tag.weak)?;
    i64::from_str_radix(revision, 16).ok().map(Revision)
}

/// 200 with a device and its tag.
pub(super) fn answer(stored: &StoredDevice) -> HttpResponse {
    let (tag, body) = tagged(stored);
    HttpResponse::Ok()
        .insert_header((ETAG, tag))
        .content_type(ContentType::json())
        .body(body)
}

/// The same, or 304 where the client has it.
pub(super) fn answer_if_changed(request: &HttpRequest, stored: &StoredDevice) -> HttpResponse {
    let (tag, body) = tagged(stored);
    let is_known = IfNoneMatch::parse(request).is_ok_and(|known| match known {
        IfNoneMatch::Any => request.headers().contains_key(IF_NONE_MATCH),
        IfNoneMatch::Items(tags) => tags.iter().any(|known| {
            let own: Result<EntityTag, _> = tag.to_str().unwrap_or_default().parse();
            own.is_ok_and(|own| known.weak_eq(&own))
        }),
    });
    let mut response = match is_known {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    response.insert_header((ETAG, tag));
    match is_known {
        true => response.finish(),
        false => response.content_type(ContentType::json()).body(body),
    }
}

fn tagged(stored: &StoredDevice) -> (HeaderValue, Vec<u8>) {
    #[derive(Serialize)]
    struct Answer<'a> {
        data: FullDevice<'a>,
    }
    let data = FullDevice::of(stored);
    let body = serde_json::to_vec(&Answer { data })
        .expect("texts, numbers and lists can always be written as JSON");
    let digest = Sha256::digest(&body);
    let digest: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tag = format!("\"{:x}-{digest}\"", stored.revision().0);
    let tag = HeaderValue::try_from(tag).expect("hexadecimal digits are a header's value");
    (tag, body)
}
