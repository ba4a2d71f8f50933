//! `GET /devices/{device_id}`.

use devices_domain::fields;
use devices_tests::{Api, device, empty_value};
use serde_json::{Map, Value, json};

use super::{complete_request, complete_response, create_device_path, get, without_timestamps};

#[test]
fn device_response_has_every_field() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let response = api.call("GET", &path);
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/json");
    let body = response.json();
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(
        without_timestamps(body["data"].clone()),
        complete_response(1, user)
    );
}

#[test]
fn minimal_device_has_every_key() {
    let api = Api::start();
    let created = api.post(&json!([device(json!({}))])).created_devices()[0].clone();
    let device = get(&api, &format!("/devices/{}", created["id"]));
    let mut expected: Map<String, Value> = created.as_object().unwrap().clone();
    for field in fields().iter().filter(|field| field.name() != "user_email") {
        let name = field.name();
        let is_created =
            created.get(name).is_some() || created["characteristics"].get(name).is_some();
        if !is_created {
            expected.insert(name.to_owned(), empty_value(field));
        }
    }
    expected.insert("user".to_owned(), Value::Null);
    expected.insert("is_rented".to_owned(), false.into());
    assert_eq!(device["created_at"], device["updated_at"]);
    assert_eq!(without_timestamps(device), Value::Object(expected));
}

#[test]
fn all_routes_return_the_same_object() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let patched = api.send("PATCH", &path, &json!({"color": "red"}));
    let prefixed = format!("/platform/v1{path}");
    assert_eq!(api.get_json("/devices")["data"][0], patched.json()["data"]);
    let (plain, with_prefix) = (api.call("GET", &path), api.call("GET", &prefixed));
    assert_eq!(plain.text, patched.text);
    assert_eq!(plain.header("etag"), patched.header("etag"));
    assert_eq!(with_prefix.text, plain.text);
    assert_eq!(with_prefix.header("etag"), plain.header("etag"));
    let patched = api.send("PATCH", &prefixed, &json!({"color": "blue"}));
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "blue");
    assert_eq!(api.call("DELETE", &prefixed).status, 200);
    assert_eq!(get(&api, &path)["client_status"], "ARCHIVED");
}

#[test]
fn malformed_device_id_is_rejected() {
    let api = Api::start();
    api.create_device(json!({}));
    for id in [
        "0", "042", "01", "-1", "+1", "abc", "1.0", "1e0", "0x1", "1%20", "%201", "1%00", "1,2",
        "1%2F", "%D9%A1", "%FF", "1;a=b", "1:", "*", "null", "%25",
    ] {
        let path = format!("/devices/{id}");
        for method in ["GET", "PATCH", "DELETE"] {
            let response = api.send(method, &path, &json!({"color": "red"}));
            response.assert_parameters_rejected(&["device_id"], &format!("{method} {path}"));
        }
        assert_eq!(api.call("HEAD", &path).status, 400, "{path}");
    }
    for path in ["/devices/", "/devices/1/", "/devices//1", "/devices/1/2"] {
        for method in ["GET", "PATCH", "DELETE"] {
            let response = api.send(method, path, &json!({"color": "red"}));
            response.assert_error(404, "NOT_FOUND");
        }
    }
    assert_eq!(get(&api, "/devices/1")["client_status"], "AVAILABLE");
}

#[test]
fn percent_encoded_digit_in_id_is_decoded() {
    // RFC 3986, section 6.2.2.2: an encoded unreserved character equals the plain one.
    let api = Api::start();
    api.create_device(json!({}));
    let (plain, encoded) = (
        api.call("GET", "/devices/1"),
        api.call("GET", "/devices/%31"),
    );
    assert_eq!(encoded.status, 200, "{}", encoded.text);
    assert_eq!(encoded.text, plain.text);
}

#[test]
fn id_beyond_64_bits_is_not_found() {
    let api = Api::start();
    for id in [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551617",
        "99999999999999999999999999999999999999999",
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let response = api.send(method, &format!("/devices/{id}"), &json!({"color": "red"}));
            response.assert_error(404, "DEVICE_NOT_FOUND");
        }
    }
    let response = api.call("GET", &format!("/devices/{}", "9".repeat(2_000)));
    response.assert_error(404, "DEVICE_NOT_FOUND");
}

#[test]
fn foreign_device_looks_like_unknown_device() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let foreign = api.create_device_as(&globex, json!({"serial_number": "THEIRS-1"}));
    let archived = api.create_device_as(&globex, json!({}));
    let unknown_id = archived + 1;
    let path = |id: i64| format!("/devices/{id}");
    assert_eq!(api.call_as(&globex, "DELETE", &path(archived)).status, 200);
    let before = api.call_as(&globex, "GET", &path(foreign));
    let foreign_etag = before.header("etag").to_owned();
    let bodies = [
        json!({"color": "red"}),
        json!({"serial_number": "THEIRS-1"}),
        json!({"color": 1}),
        json!({"user_id": 999}),
        json!({"type": "phone"}),
        json!({}),
    ];
    for headers in [
        vec![],
        vec![("If-Match", foreign_etag.as_str())],
        vec![("If-Match", "*")],
    ] {
        let send = |method, id| api.call_with(method, &path(id), &headers).comparable();
        let change = |id, body| {
            let response = api.send_with("PATCH", &path(id), &headers, body);
            response.comparable()
        };
        for id in [foreign, archived] {
            for method in ["GET", "HEAD", "DELETE"] {
                let (foreign_response, unknown_response) =
                    (send(method, id), send(method, unknown_id));
                assert_eq!(foreign_response, unknown_response, "{method} {headers:?}");
                assert_eq!(unknown_response.0, 404, "{method}: {unknown_response:?}");
            }
            for body in &bodies {
                let foreign_response = change(id, body);
                let unknown_response = change(unknown_id, body);
                assert_eq!(foreign_response, unknown_response, "{body} {headers:?}");
            }
        }
        let unknown = change(unknown_id, &bodies[0]);
        assert_eq!(unknown.1, r#"{"error":"DEVICE_NOT_FOUND"}"#);
        assert_eq!(unknown.0, 404);
    }
    let headers = [("If-None-Match", foreign_etag.as_str())];
    let response = api.call_with("GET", &path(foreign), &headers);
    response.assert_error(404, "DEVICE_NOT_FOUND");
    let after = api.call_as(&globex, "GET", &path(foreign));
    assert_eq!(after.text, before.text);
}

#[test]
fn head_matches_get_without_body() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    for path in [path.as_str(), "/devices/999", "/devices/abc"] {
        let (get, head) = (api.call("GET", path), api.call("HEAD", path));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.stable_headers(), get.stable_headers(), "{path}");
    }
}

#[test]
fn other_methods_return_405_with_allow() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    for method in ["POST", "PUT"] {
        let response = api.send(method, &path, &json!({}));
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        let mut allowed: Vec<_> = response.header("allow").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH"]);
    }
}
