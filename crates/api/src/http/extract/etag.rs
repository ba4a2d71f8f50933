//! `ETag`, `If-Match` and `If-None-Match` of devices (RFC 9110).
//!
//! A tag is `"<id>-<revision>-<digest>"`. The digest is of everything that is shown, so that whoever
//! keeps a copy learns of every change; the revision is of the device itself, so that whoever changes it
//! is not refused because device management reported something meanwhile.

use actix_web::http::header::{
    ContentType, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use actix_web::{HttpRequest, HttpResponse};
use devices_domain::{DeviceId, Precondition, Revision, StoredDevice};
use serde::Serialize;

use crate::http::respond::api_error::ApiError;
use crate::http::respond::sha256_prefix::digest;
use crate::http::respond::views::FullDevice;

/// What `If-Match` says the device must be.
pub(crate) fn expected(request: &HttpRequest, device: DeviceId) -> Result<Precondition, ApiError> {
    if !request.headers().contains_key(IF_MATCH) {
        return Ok(Precondition::Any);
    }
    match Tags::of(request, IF_MATCH) {
        Some(Tags::Any) => Ok(Precondition::Any),
        Some(Tags::Some(tags)) => Ok(Precondition::AnyOf(
            tags.iter()
                .filter_map(|tag| tag.revision_of(device))
                .collect(),
        )),
        None => Err(ApiError::BadHeader(
            "The header If-Match must be *, or the ETags of a device in their quotes, separated by commas",
        )),
    }
}

/// The tags that a header names.
#[derive(Debug, PartialEq)]
enum Tags {
    /// Whatever there is.
    Any,
    Some(Vec<Tag>),
}

#[derive(Debug, PartialEq)]
struct Tag {
    is_weak: bool,
    /// What stands between the quotes.
    opaque: String,
}

impl Tags {
    /// `None` where the header is no list of tags.
    fn of(request: &HttpRequest, name: HeaderName) -> Option<Self> {
        let values = request.headers().get_all(name);
        let values: Option<Vec<_>> = values.map(|value| value.to_str().ok()).collect();
        Self::read(&values?.join(","))
    }

    fn read(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let strong = rest.strip_prefix("W/");
            let (opaque, after) = strong.unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
            tags.push(Tag {
                is_weak: strong.is_some(),
                opaque: opaque.to_owned(),
            });
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return None,
            };
        }
        (!tags.is_empty()).then_some(Self::Some(tags))
    }
}

impl Tag {
    /// The revision in a tag of this device.
    fn revision_of(&self, device: DeviceId) -> Option<Revision> {
        let mut parts = self.opaque.split('-').filter(|_| !self.is_weak);
        let (id, revision) = (parts.next()?, parts.next()?);
        let revision = Revision(i64::from_str_radix(revision, 16).ok()?);
        // As it is written, and not only of the same value.
        let begin = begin(device, revision);
        (id == format!("{:x}", device.0) && self.opaque.starts_with(&begin)).then_some(revision)
    }
}

fn begin(device: DeviceId, revision: Revision) -> String {
    format!("{:x}-{:x}-", device.0, revision.0)
}

/// 200 with a device and its tag.
pub(crate) fn answer(stored: &StoredDevice) -> HttpResponse {
    let (tag, body) = tagged(stored);
    HttpResponse::Ok()
        .insert_header((ETAG, tag))
        .content_type(ContentType::json())
        .body(body)
}

/// The same, or 304 where the client has it.
pub(crate) fn answer_if_changed(request: &HttpRequest, stored: &StoredDevice) -> HttpResponse {
    let (tag, body) = tagged(stored);
    let own = tag.to_str().unwrap_or_default().trim_matches('"');
    let is_known = match Tags::of(request, IF_NONE_MATCH) {
        Some(Tags::Any) => true,
        Some(Tags::Some(tags)) => tags.iter().any(|known| known.opaque == own),
        None => false,
    };
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
    let digest = digest(&body);
    let tag = format!("\"{}{digest}\"", begin(stored.device.id, stored.revision()));
    let tag = HeaderValue::try_from(tag).expect("hexadecimal digits are a header's value");
    (tag, body)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn revisions(header: &str) -> Option<Vec<i64>> {
        match Tags::read(header)? {
            Tags::Any => Some(vec![-1]),
            Tags::Some(tags) => {
                let of_device = |tag: &Tag| Some(tag.revision_of(DeviceId(10))?.0);
                Some(tags.iter().filter_map(of_device).collect())
            }
        }
    }

    #[rstest]
    #[case("*", Some(vec![-1]))]
    #[case(r#""a-ff-00""#, Some(vec![255]))]
    #[case(r#" "a-ff-00" ,"a-1-x", "#, Some(vec![255, 1]))]
    #[case(r#"W/"a-ff-00""#, Some(vec![]))]
    #[case(r#""b-ff-00""#, Some(vec![]))]
    #[case(r#""a-FF-00", "a-+f-0", "a-ff", "a-0f-0", "", "-""#, Some(vec![]))]
    #[case("", None)]
    #[case("a-ff-00", None)]
    #[case(r#""a-ff-00"#, None)]
    #[case(r#"*, "a-ff-00""#, None)]
    #[case(r#"w/"a-ff-00""#, None)]
    #[case(r#""a-ff-00" "a-1-0""#, None)]
    fn a_tag_names_a_revision_of_its_own_device(
        #[case] header: &str,
        #[case] named: Option<Vec<i64>>,
    ) {
        assert_eq!(revisions(header), named);
    }
}
