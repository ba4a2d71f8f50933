//! `ETag`, `If-Match` and `If-None-Match` of devices (RFC 9110).
//!
//! An entity tag is `"<id>-<revision>-<hash>"`, with id and revision in hexadecimal.
//! `If-None-Match` compares the whole tag: the hash covers the response body, so that a cached copy
//! is revalidated against every change. `If-Match` compares only id and revision: what device
//! management reports changes the hash, but must not fail an update (ADR 14).
//!
//! Both headers ignore a `W/` before a tag. A proxy that compresses responses makes their tags weak
//! (<https://nginx.org/en/docs/http/ngx_http_gzip_module.html>), so a client behind it knows no
//! other tag. RFC 9110, 13.1.1, requires a strong comparison for `If-Match` because a weak tag may
//! stand for several revisions. Here it does not: the revision is part of the tag.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{
    ContentType, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use devices_domain::{DeviceId, Precondition, Revision, StoredDevice};
use serde::Serialize;

use crate::http::respond::api_error::ApiError;
use crate::http::respond::sha256_prefix::sha256_prefix;
use crate::http::respond::views::FullDeviceView;

/// Extracts `If-Match`, if the request has it. Rejects a malformed header as a `BadHeader`. The
/// parser of actix-web drops malformed tags, so that the request would fail with 412, not 400.
pub(crate) struct IfMatch(Option<Tags>);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if !request.headers().contains_key(IF_MATCH) {
            Ok(Self(None))
        } else if let Some(tags) = Tags::from_headers(request, IF_MATCH) {
            Ok(Self(Some(tags)))
        } else {
            Err(ApiError::BadHeader(
                "The header If-Match must be * or a comma-separated list of quoted ETags",
            ))
        })
    }
}

impl IfMatch {
    /// Returns the precondition on the revision of the device. Any revision meets it if the header
    /// is absent or `*`. No revision meets a list without a tag of the device.
    pub(crate) fn precondition(&self, device: DeviceId) -> Precondition {
        match &self.0 {
            None | Some(Tags::Any) => Precondition::Any,
            Some(Tags::List(tags)) => Precondition::AnyOf(
                tags.iter()
                    .filter_map(|tag| tag.revision_of(device))
                    .collect(),
            ),
        }
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Debug, PartialEq)]
enum Tags {
    /// `*`
    Any,
    List(Vec<Tag>),
}

/// An entity tag without `W/` and quotes.
#[derive(Debug, PartialEq)]
struct Tag(String);

impl Tags {
    /// Parses the header. Returns `None` if it is absent or malformed.
    fn from_headers(request: &HttpRequest, name: HeaderName) -> Option<Self> {
        let values = request.headers().get_all(name);
        let values: Option<Vec<_>> = values.map(|value| value.to_str().ok()).collect();
        Self::parse(&values?.join(","))
    }

    fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let quoted = rest.strip_prefix("W/").unwrap_or(rest);
            let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
            tags.push(Tag(opaque.to_owned()));
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
        (!tags.is_empty()).then_some(Self::List(tags))
    }
}

impl Tag {
    /// Returns the revision in the tag, if the tag belongs to this device.
    fn revision_of(&self, device: DeviceId) -> Option<Revision> {
        let Self(opaque) = self;
        let mut parts = opaque.split('-');
        let (id, revision) = (parts.next()?, parts.next()?);
        let revision = Revision(i64::from_str_radix(revision, 16).ok()?);
        // Compares the text, too: `0F` and `+f` would also parse as the revision `f`.
        let prefix = tag_prefix(device, revision);
        (id == format!("{:x}", device.0) && opaque.starts_with(&prefix)).then_some(revision)
    }
}

/// Returns the part of a tag before the hash.
fn tag_prefix(device: DeviceId, revision: Revision) -> String {
    format!("{:x}-{:x}-", device.0, revision.0)
}

/// Returns a 200 response with the device and its tag.
pub(crate) fn device_response(stored: &StoredDevice) -> HttpResponse {
    let (tag, body) = render(stored);
    HttpResponse::Ok()
        .insert_header((ETAG, tag))
        .content_type(ContentType::json())
        .body(body)
}

/// Returns a 304 response if `If-None-Match` contains the current tag (weak comparison), otherwise
/// a 200 response with the device and its tag. Ignores a malformed header.
pub(crate) fn conditional_device_response(
    request: &HttpRequest,
    stored: &StoredDevice,
) -> HttpResponse {
    let (tag, body) = render(stored);
    let current = tag.to_str().unwrap_or_default().trim_matches('"');
    let is_current = match Tags::from_headers(request, IF_NONE_MATCH) {
        Some(Tags::Any) => true,
        Some(Tags::List(tags)) => tags.iter().any(|tag| tag.0 == current),
        None => false,
    };
    if is_current {
        HttpResponse::NotModified()
            .insert_header((ETAG, tag))
            .finish()
    } else {
        HttpResponse::Ok()
            .insert_header((ETAG, tag))
            .content_type(ContentType::json())
            .body(body)
    }
}

/// Returns the tag and the body of a response with the device.
fn render(stored: &StoredDevice) -> (HeaderValue, Vec<u8>) {
    #[derive(Serialize)]
    struct Body<'a> {
        data: FullDeviceView<'a>,
    }
    let data = FullDeviceView::of(stored);
    let body =
        serde_json::to_vec(&Body { data }).expect("strings, numbers and arrays always serialize");
    let hash = sha256_prefix(&body);
    let prefix = tag_prefix(stored.device.id, stored.revision());
    let tag = HeaderValue::try_from(format!("\"{prefix}{hash}\""))
        .expect("quotes, hyphens and hexadecimal digits are a valid header value");
    (tag, body)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn revisions(header: &str) -> Option<Vec<i64>> {
        match Tags::parse(header)? {
            Tags::Any => Some(vec![-1]),
            Tags::List(tags) => {
                let revision = |tag: &Tag| Some(tag.revision_of(DeviceId(10))?.0);
                Some(tags.iter().filter_map(revision).collect())
            }
        }
    }

    #[rstest]
    #[case("*", Some(vec![-1]))]
    #[case(r#""a-ff-00""#, Some(vec![255]))]
    #[case(r#" "a-ff-00" ,"a-1-x", "#, Some(vec![255, 1]))]
    #[case(r#"W/"a-ff-00""#, Some(vec![255]))]
    #[case(r#""b-1-0", W/"a-ff-00",W/"a-1-0""#, Some(vec![255, 1]))]
    #[case(r#"W/"b-ff-00""#, Some(vec![]))]
    #[case(r#"W/W/"a-ff-00""#, None)]
    #[case(r#"W/ "a-ff-00""#, None)]
    #[case("W/*", None)]
    #[case(r#""b-ff-00""#, Some(vec![]))]
    #[case(r#""a-FF-00", "a-+f-0", "a-ff", "a-0f-0", "", "-""#, Some(vec![]))]
    #[case("", None)]
    #[case("a-ff-00", None)]
    #[case(r#""a-ff-00"#, None)]
    #[case(r#"*, "a-ff-00""#, None)]
    #[case(r#"w/"a-ff-00""#, None)]
    #[case(r#""a-ff-00" "a-1-0""#, None)]
    fn tag_of_the_device_names_a_revision(
        #[case] header: &str,
        #[case] expected: Option<Vec<i64>>,
    ) {
        assert_eq!(revisions(header), expected);
    }
}
