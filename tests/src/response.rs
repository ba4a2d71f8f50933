//! A response of the API, and assertions about it.

use std::collections::BTreeMap;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A response of the API.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, as text.
    pub text: String,
    /// Body.
    pub bytes: Vec<u8>,
}

impl Response {
    /// Parses the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns a header, or "" if it is absent.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Returns `index`, `field` and `reason` of every entry in `errors`.
    pub fn reasons(&self) -> Vec<(Value, String, String)> {
        let body = self.json();
        let entries = body["errors"].as_array();
        let entries = entries.unwrap_or_else(|| panic!("no error report in {body}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        entries
            .iter()
            .map(|entry| {
                (
                    entry["index"].clone(),
                    text(&entry["field"]),
                    text(&entry["reason"]),
                )
            })
            .collect()
    }

    /// Returns the devices of a 201. Panics on any other status.
    #[track_caller]
    pub fn created_devices(&self) -> Value {
        assert_eq!(self.status, 201, "{}", self.text);
        self.json()["data"]["devices"].clone()
    }

    /// Returns the headers, sorted, without those that differ between equal requests.
    pub fn stable_headers(&self) -> Vec<(String, String)> {
        let headers = self.headers.iter().map(|(name, value)| {
            let value = value.to_str().expect("headers are text");
            (name.to_string(), value.to_owned())
        });
        let mut headers: Vec<_> = headers
            .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
            .collect();
        headers.sort();
        headers
    }

    /// Returns status, body and [`Self::stable_headers`], to compare responses.
    pub fn comparable(&self) -> (u16, String, Vec<(String, String)>) {
        (self.status, self.text.clone(), self.stable_headers())
    }

    /// Returns the targets of the `Link` header by relation. Panics if the header is absent.
    pub fn links(&self) -> BTreeMap<String, String> {
        let parse = |link: &str| {
            let link = link.trim_start_matches('<').strip_suffix('"')?;
            let (target, relation) = link.split_once(">; rel=\"")?;
            Some((relation.to_owned(), target.to_owned()))
        };
        let links: Option<_> = self.header("link").split(", <").map(parse).collect();
        links.unwrap_or_else(|| panic!("no links: {self:?}"))
    }

    /// Returns the target of the `Link` header with this relation.
    pub fn link(&self, relation: &str) -> Option<String> {
        self.links().remove(relation)
    }

    /// Returns the cursor of the next page. Panics if this is the last page.
    pub fn next_cursor(&self) -> String {
        let next = self.link("next").unwrap_or_default();
        let cursor = next.split_once("cursor=").map(|(_, cursor)| cursor);
        let cursor = cursor.and_then(|cursor| cursor.split('&').next());
        cursor.unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// Asserts that the body contains this error code and nothing else.
    #[track_caller]
    pub fn assert_error(&self, status: u16, error: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.json(), json!({ "error": error }));
    }

    /// Asserts that the body is rejected with a message that names the limit.
    #[track_caller]
    pub fn assert_too_large(&self) {
        assert_eq!(self.status, 413, "{}", self.text);
        let body = self.json();
        assert_eq!(body["error"], "PAYLOAD_TOO_LARGE");
        let message = body["message"].as_str().unwrap_or_default();
        assert!(message.contains("DEVICES__LIMITS__BODY_BYTES"), "{body}");
        assert!(
            message.contains("DEVICES__LIMITS__MAX_IMPORT_BYTES"),
            "{body}"
        );
    }

    /// Asserts that the content type is rejected with a message that names the accepted ones.
    #[track_caller]
    pub fn assert_media_type_rejected(&self, accepted: &[&str], case: &str) {
        assert_eq!(self.status, 415, "{case}: {}", self.text);
        let body = self.json();
        assert_eq!(body["error"], "UNSUPPORTED_MEDIA_TYPE", "{case}");
        let message = body["message"].as_str().unwrap_or_default();
        for media_type in accepted {
            assert!(message.contains(media_type), "{case}: {body}");
        }
        // RFC 9110, 15.5.16, and RFC 5789, 3.1.
        let headers = [self.header("accept"), self.header("accept-patch")];
        assert!(
            headers.contains(&accepted.join(", ").as_str()),
            "{case}: {self:?}"
        );
    }

    /// Asserts that the only error is this reason for this field of the body. Returns the error
    /// entry.
    #[track_caller]
    pub fn assert_field_rejected(&self, field: &str, reason: &str, case: &str) -> Value {
        assert_eq!(self.status, 400, "{case}: {}", self.text);
        let body = self.json();
        assert_eq!(body["errors_total"], 1, "{case}: {body}");
        let entry = body["errors"][0].clone();
        assert_eq!(entry["index"], Value::Null, "{case}");
        assert_eq!(entry["field"], field, "{case}");
        assert_eq!(entry["pointer"], format!("/{field}"), "{case}");
        assert_eq!(entry["reason"], reason, "{case}");
        let message = entry["message"].as_str().unwrap_or_default();
        assert_names(message, "field", field, reason, case);
        if reason == "already_exists" {
            assert_eq!(body["error"], entry["code"], "{case}");
        } else {
            assert_eq!(entry["code"], "INVALID_FIELD", "{case}");
            assert_eq!(body["error"], entry["message"], "{case}");
        }
        entry
    }

    /// Asserts that the only error is this reason for this query parameter.
    #[track_caller]
    pub fn assert_parameter_rejected(&self, name: &str, reason: &str, case: &str) {
        assert_eq!(self.status, 400, "{case}: {}", self.text);
        let body = self.json();
        assert_eq!(body["errors_total"], 1, "{case}: {body}");
        let entry = &body["errors"][0];
        assert_eq!(entry["field"], name, "{case}");
        assert_eq!(entry["reason"], reason, "{case}: {body}");
        assert_eq!(entry["code"], "INVALID_PARAMETER", "{case}");
        assert_eq!(entry["pointer"], "", "{case}");
        assert_eq!(entry["index"], Value::Null, "{case}");
        assert_eq!(body["error"], entry["message"], "{case}");
    }

    /// Asserts that the errors are exactly one for each of these query parameters, in any order.
    /// Returns the body.
    #[track_caller]
    pub fn assert_parameters_rejected(&self, fields: &[&str], case: &str) -> Value {
        assert_eq!(self.status, 400, "{case}: {}", self.text);
        let body = self.json();
        let entries = body["errors"].as_array();
        let entries = entries.unwrap_or_else(|| panic!("{case}: no error report in {body}"));
        let field_of = |entry: &Value| entry["field"].as_str().unwrap_or_default().to_owned();
        let mut rejected: Vec<_> = entries.iter().map(field_of).collect();
        let mut expected = fields.to_vec();
        rejected.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rejected, expected, "{case}: {body}");
        assert_eq!(body["errors_total"], fields.len(), "{case}");
        assert_eq!(body["error"], entries[0]["message"], "{case}");
        for entry in entries {
            assert_eq!(entry["index"], Value::Null, "{case}");
            assert_eq!(entry["pointer"], "", "{case}");
            assert_eq!(entry["code"], "INVALID_PARAMETER", "{case}");
            let message = entry["message"].as_str().unwrap_or_default();
            let reason = entry["reason"].as_str().unwrap_or_default();
            assert_names(message, "query parameter", &field_of(entry), reason, case);
        }
        body
    }
}

/// Asserts that an error message begins with the field or parameter at fault, or an item of it.
#[track_caller]
pub fn assert_names(message: &str, kind: &str, name: &str, reason: &str, case: &str) {
    let is_named = if reason == "unknown_field" {
        message.starts_with(&format!("unknown {kind} `{name}`"))
    } else {
        let rest = message.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '[']))
    };
    assert!(is_named, "{case}: {message}");
}

impl From<reqwest::blocking::Response> for Response {
    fn from(response: reqwest::blocking::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().expect("the response can be read");
        Self {
            status,
            headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes: bytes.into(),
        }
    }
}
