//! Bodies that `PATCH /devices/{device_id}` rejects for their syntax, type or size.

use devices_tests::{Api, ServerOptions, send};
use serde_json::{Value, json};

use super::{create_device_path, get};

#[test]
fn malformed_patch_body_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let before = api.call("GET", &path).text;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, reason) in [
        (String::new(), "not_json"),
        ("color=red".to_owned(), "not_json"),
        ("{\"color\":".to_owned(), "not_json"),
        ("{\"color\":\"red\"} x".to_owned(), "not_json"),
        ("{\"color\":\"red\"}{}".to_owned(), "not_json"),
        ("{\"color\":NaN}".to_owned(), "not_json"),
        ("[]".to_owned(), "wrong_type"),
        ("[{\"color\":\"red\"}]".to_owned(), "wrong_type"),
        ("null".to_owned(), "wrong_type"),
        ("\"color\"".to_owned(), "wrong_type"),
        ("1".to_owned(), "wrong_type"),
        (deep.clone(), "wrong_type"),
        (
            "{\"color\":\"red\",\"color\":\"red\"}".to_owned(),
            "repeated_field",
        ),
        ("{\"devices\":[]}".to_owned(), "unknown_field"),
        (format!("{{\"color\":{deep}}}"), "wrong_type"),
        ("{\"color\":\"a\\u0000b\"}".to_owned(), "control_character"),
        ("{\"color\":\"\\ud800\"}".to_owned(), "ill_formed_text"),
    ] {
        let case: String = body.chars().take(60).collect();
        let response = api.send_text("PATCH", &path, body);
        assert_eq!(response.status, 400, "{case}: {}", response.text);
        let reasons: Vec<_> = response
            .reasons()
            .into_iter()
            .map(|(index, _, reason)| (index, reason))
            .collect();
        assert_eq!(reasons, [(Value::Null, reason.to_owned())], "{case}");
    }
    assert_eq!(api.call("GET", &path).text, before);
}

#[test]
fn non_utf8_patch_body_is_rejected() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let response = api.send_text("PATCH", &path, b"{\"color\":\"\xff\"}".to_vec());
    assert_eq!(response.status, 400, "{}", response.text);
    let reasons = response.reasons();
    assert_eq!(reasons.len(), 1, "{}", response.text);
    assert_eq!(reasons[0].0, Value::Null);
}

#[test]
fn patch_checks_content_type_and_body_size() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let path = create_device_path(&api, json!({}));
    let before = api.call("GET", &path).text;
    let send_as = |content_type: Option<&str>, body: String| {
        let request = api.request("PATCH", &path).bearer_auth(&api.key);
        let request = match content_type {
            Some(content_type) => request.header("Content-Type", content_type),
            None => request,
        };
        send(request.body(body))
    };
    let body = json!({"color": "red"}).to_string();
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json-patch+json"),
        Some("application/jsonx"),
    ] {
        let response = send_as(content_type, body.clone());
        let accepted = ["application/json", "application/merge-patch+json"];
        response.assert_media_type_rejected(&accepted, content_type.unwrap_or_default());
    }
    let json = Some("application/json");
    let long = json!({"comment": "x".repeat(10_000)}).to_string();
    send_as(json, long).assert_too_large();
    let long_comment = json!({"comment": "x".repeat(9_900)}).to_string();
    assert_eq!(api.call("GET", &path).text, before);
    assert_eq!(send_as(json, long_comment).status, 200);
    let with_charset = send_as(Some("application/json; charset=utf-8"), body);
    assert_eq!(with_charset.status, 200, "{}", with_charset.text);
    for (content_type, color) in [
        ("application/merge-patch+json", "blue"),
        ("Application/Merge-Patch+JSON;charset=utf-8", "green"),
    ] {
        let response = send_as(Some(content_type), json!({ "color": color }).to_string());
        assert_eq!(response.status, 200, "{content_type}: {}", response.text);
        assert_eq!(get(&api, &path)["characteristics"]["color"], color);
    }
}
