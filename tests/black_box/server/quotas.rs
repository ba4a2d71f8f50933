//! Quotas of users, enrolments and stored responses.

use devices_tests::{Api, Response, ServerOptions, device, send};
use serde_json::json;

use super::one_device;

fn add_user(api: &Api, key: &str, email: &str) -> Response {
    api.send_as(key, "POST", "/users", &json!({ "email": email }))
}

#[test]
fn user_over_the_quota_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__USERS_PER_WORKSPACE", 2);
    let api = Api::start_with(&options);
    for email in ["ada@acme.test", "alan@acme.test"] {
        assert_eq!(add_user(&api, &api.key, email).status, 201);
    }
    let response = add_user(&api, &api.key, "grace@acme.test");
    assert_eq!(response.status, 400);
    let body = response.json();
    assert_eq!(body["error"], "USER_QUOTA_EXCEEDED");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("DEVICES__LIMITS__USERS_PER_WORKSPACE"));
    // A change adds no user, and other workspaces have quotas of their own.
    let change = json!({ "email": "grace@acme.test" });
    assert_eq!(api.send("PATCH", "/users/1", &change).status, 200);
    api.create_workspace("globex");
    let other = api.create_key("globex", "WRITE");
    assert_eq!(add_user(&api, &other, "ada@acme.test").status, 201);

    assert_eq!(api.call("DELETE", "/users/1").status, 200);
    assert_eq!(add_user(&api, &api.key, "edsger@acme.test").status, 201);
}

#[test]
fn enrollment_over_the_quota_is_rejected() {
    let options = ServerOptions::with("DEVICES__LIMITS__ENROLLMENTS_PER_WORKSPACE", 1);
    let api = Api::start_with(&options);
    let put = |serial_number: &str| {
        let path = format!("/mdm/enrollments/{serial_number}");
        api.send("PUT", &path, &json!({ "status": "ENROLLED" }))
    };
    assert_eq!(put("SN-1").status, 201);
    let response = put("SN-2");
    assert_eq!(response.status, 400);
    let body = response.json();
    assert_eq!(body["error"], "ENROLLMENT_QUOTA_EXCEEDED");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("DEVICES__LIMITS__ENROLLMENTS_PER_WORKSPACE"));
    assert_eq!(put("SN-1").status, 200);
    assert_eq!(api.call("DELETE", "/mdm/enrollments/SN-1").status, 200);
    assert_eq!(put("SN-2").status, 201);
}

#[test]
fn full_response_quota_rejects_only_new_keys() {
    let options = ServerOptions::with("DEVICES__IDEMPOTENCY__BYTES_PER_WORKSPACE", 1_024);
    let api = Api::start_with(&options);
    let post = |key: &str| {
        let request = api.request("POST", "/devices").bearer_auth(&api.key);
        let request = request.header("Idempotency-Key", key);
        send(request.json(&json!({ "devices": vec![device(json!({})); 2] })))
    };
    let first = post("first");
    assert!(first.status == 201 && first.text.len() > 1_024);
    let response = post("second");
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), "60");
    let body = response.json();
    assert_eq!(body["error"], "SERVICE_UNAVAILABLE");
    let message = body["message"].as_str().unwrap();
    assert!(message.contains("DEVICES__IDEMPOTENCY__BYTES_PER_WORKSPACE"));
    assert_eq!(api.database.count("devices"), 2);
    // The response that the client may still ask for is kept.
    let replayed = post("first");
    assert_eq!((replayed.status, replayed.text), (201, first.text));
    assert_eq!(api.post(&one_device()).status, 201);
}
