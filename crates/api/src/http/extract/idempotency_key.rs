//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).

use actix_web::http::header::HeaderMap;
use devices_domain::{IdempotencyKey, IdempotentRequest};
use sha2::{Digest, Sha256};

use crate::http::respond::api_error::ApiError;

/// The operation that keys are remembered for, by whichever path it is called.
const OPERATION: &str = "POST /devices";

/// The key that the client gave, if any: bare, or as a quoted string. Both spell the same key.
///
/// # Errors
/// Where there are two, or one that is none.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut given = headers.get_all("idempotency-key");
    let (first, second) = (given.next(), given.next());
    match (first.map(|value| value.to_str()), second) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => match unquoted(text.trim_matches([' ', '\t'])) {
            Some(key) => Ok(Some(key)),
            None => Err(MALFORMED),
        },
        _ => Err(MALFORMED),
    }
}

const MALFORMED: ApiError = ApiError::BadHeader(
    "The header Idempotency-Key must be given once, with 1 to 255 visible ASCII characters",
);

/// A quoted string is RFC 8941's: `\` stands before `"` and `\`, and before nothing else.
fn unquoted(text: &str) -> Option<IdempotencyKey> {
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

/// What is to be carried out once: this body, under this key.
pub(crate) fn attempt(key: IdempotencyKey, body: &[u8]) -> IdempotentRequest {
    IdempotentRequest {
        operation: OPERATION,
        key,
        fingerprint: Sha256::digest(body).into(),
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
        key(&headers).map(|key| key.map(|key| key.as_str().to_owned()))
    }

    #[rstest]
    #[case(&[], None)]
    #[case(&["job-1"], Some("job-1"))]
    #[case(&[" job-1 "], Some("job-1"))]
    #[case(&["\"job-1\""], Some("job-1"))]
    #[case(&["\"a\\\"b\\\\\""], Some("a\"b\\"))]
    #[case(&["a\"b"], Some("a\"b"))]
    fn a_key_is_bare_or_quoted(#[case] sent: &[&str], #[case] key: Option<&str>) {
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
    fn another_header_is_refused(#[case] sent: &[&str]) {
        assert!(matches!(read(sent), Err(ApiError::BadHeader(_))));
    }

    #[test]
    fn a_key_has_255_characters_at_most() {
        let (longest, longer) = ("x".repeat(255), "x".repeat(256));
        assert_eq!(read(&[&longest]).unwrap(), Some(longest));
        assert!(read(&[&longer]).is_err());
    }
}
