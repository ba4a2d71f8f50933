//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{BatchOptions, IdempotencyKey, IdempotentRequest};
use devices_import::BatchImportOptions;
use sha2::{Digest, Sha256};

use crate::http::extract::batch_options;
use crate::http::respond::api_error::ApiError;

/// Operation under which keys are stored, for both paths that call it.
const CREATE: &str = "POST /devices";

/// Like [`CREATE`], for the import of a file.
const IMPORT: &str = "POST /devices/import";

const MALFORMED: ApiError = ApiError::BadHeader(
    "The header Idempotency-Key must be given once, with 1 to 255 visible ASCII characters",
);

/// No idempotency key. An operation that returns a secret stores no response: a secret must not be
/// stored, and without the stored response, a second request would create a second key.
///
/// # Errors
/// `BadHeader` if the request has the header.
pub(crate) struct NoIdempotencyKey;

impl FromRequest for NoIdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if request.headers().contains_key("idempotency-key") {
            Err(ApiError::BadHeader(
                "The header Idempotency-Key is not supported here, because the response contains a \
                 secret, which is never stored. After a lost response, GET /keys shows whether the \
                 key was created: revoke it, and create another one",
            ))
        } else {
            Ok(Self)
        })
    }
}

/// Returns the idempotency key of a request, if it has one.
///
/// The header is a bare key or a quoted string of RFC 8941. Both forms of a key are equal.
///
/// # Errors
/// `BadHeader` if the header is malformed or repeated.
pub(crate) fn from_headers(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut values = headers.get_all("idempotency-key");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().ok();
            let key = text.and_then(|text| parse(text.trim_matches([' ', '\t'])));
            key.map(Some).ok_or(MALFORMED)
        }
        (Some(_), Some(_)) => Err(MALFORMED),
    }
}

/// Parses a bare or quoted key. In a quoted string (RFC 8941, 3.3.3), `\` only escapes `"` and `\`.
fn parse(text: &str) -> Option<IdempotencyKey> {
    let Some(rest) = text.strip_prefix('"') else {
        return IdempotencyKey::parse(text);
    };
    let inner = rest.strip_suffix('"')?;
    let mut key = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => characters
                .next()
                .filter(|next| ['"', '\\'].contains(next))?,
            '"' => return None,
            other => other,
        });
    }
    IdempotencyKey::parse(&key)
}

/// Returns the idempotent request with the key to import a file. Its fingerprint is the SHA-256 of
/// the file and its options, so that name, boundary and order of the parts may differ.
pub(crate) fn idempotent_import(
    key: IdempotencyKey,
    file: &[u8],
    options: &BatchImportOptions,
) -> IdempotentRequest {
    let digest = Sha256::new()
        .chain_update((file.len() as u64).to_be_bytes())
        .chain_update(file)
        .chain_update(options.canonical());
    IdempotentRequest {
        operation: IMPORT,
        key,
        fingerprint: digest.finalize().into(),
    }
}

/// Returns the idempotent request with the key. Its fingerprint is the SHA-256 of the body and the
/// options.
pub(crate) fn idempotent_request(
    key: IdempotencyKey,
    body: &[u8],
    options: BatchOptions,
) -> IdempotentRequest {
    let digest = Sha256::new()
        .chain_update(body)
        .chain_update(batch_options::fingerprint(options));
    IdempotentRequest {
        operation: CREATE,
        key,
        fingerprint: digest.finalize().into(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    fn read(sent: &[&str]) -> Result<Option<String>, ApiError> {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(
                HeaderName::from_static("idempotency-key"),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        from_headers(&headers).map(|key| key.map(|key| key.as_str().to_owned()))
    }

    #[rstest]
    #[case(&[], None)]
    #[case(&["job-1"], Some("job-1"))]
    #[case(&[" job-1 "], Some("job-1"))]
    #[case(&["\"job-1\""], Some("job-1"))]
    #[case(&["\"a\\\"b\\\\\""], Some("a\"b\\"))]
    #[case(&["a\"b"], Some("a\"b"))]
    fn bare_and_quoted_keys_are_accepted(#[case] sent: &[&str], #[case] key: Option<&str>) {
        assert_eq!(read(sent).unwrap().as_deref(), key);
    }

    #[rstest]
    #[case(&[""])]
    #[case(&["\"\""])]
    #[case(&["\""])]
    #[case(&["\"a"])]
    #[case(&["\"a\"b\""])]
    #[case(&["\"a\\b\""])]
    #[case(&["\"a\\\""])]
    #[case(&["\"a b\""])]
    #[case(&["a b"])]
    #[case(&["a, b"])]
    #[case(&["é"])]
    #[case(&["a", "a"])]
    fn malformed_header_is_rejected(#[case] sent: &[&str]) {
        assert!(matches!(read(sent), Err(ApiError::BadHeader(_))));
    }

    #[test]
    fn key_of_more_than_255_characters_is_rejected() {
        let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
        assert_eq!(read(&[&longest]).unwrap(), Some(longest));
        assert!(read(&[&too_long]).is_err());
    }
}
