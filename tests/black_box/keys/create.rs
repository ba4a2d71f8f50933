//! `POST /keys`.

use devices_tests::{ServerOptions, device, send};
use serde_json::{Value, json};

use super::{ADMIN_ID, Keys, assert_forbidden, data, id_and_secret};

#[test]
fn created_key_gives_its_scope() {
    let keys = Keys::start();
    let (_, read) = keys.create_scope("READ");
    let (_, write) = keys.create_scope("WRITE");
    let (_, admin) = keys.create_scope("ADMIN");
    let post = |key: &str| keys.api.post_as(key, &json!([device(json!({}))])).status;
    assert_eq!([post(&read), post(&write), post(&admin)], [403, 201, 201]);
    let list = |key: &str| keys.api.call_as(key, "GET", "/keys").status;
    assert_eq!([list(&read), list(&write), list(&admin)], [403, 403, 200]);
}

#[test]
fn response_equals_output_of_the_command() {
    let keys = Keys::start();
    let fields = json!({"name": "nightly import", "scope": "WRITE", "expires_in": "30d"});
    let response = keys.send("POST", "/platform/v1/keys", &fields);
    assert_eq!(response.header("cache-control"), "no-store");
    let created = data(&response, 201);
    let printed = keys.command(&[
        "create",
        "--workspace",
        "acme",
        "--scope",
        "WRITE",
        "--name",
        "nightly import",
        "--expires-in",
        "30d",
    ]);
    let (of_response, of_command) = (members(&created), members(&printed));
    assert_eq!(of_response, of_command);
    for name in [
        "workspace_id",
        "name",
        "scope",
        "revoked_at",
        "retires_at",
        "last_used_at",
    ] {
        assert_eq!(created[name], printed[name], "{name}");
    }
    assert_eq!(created["id"], 3);
    let query = "SELECT expires_at - created_at BETWEEN '29 days 23 hours' AND '30 days 1 hour' \
                 FROM api_keys WHERE id IN (3, 4)";
    assert_eq!(keys.api.database.texts(query), ["true", "true"]);
    let (_, secret) = id_and_secret(&created);
    let prefix = created["secret_prefix"].as_str().unwrap();
    assert!(secret.starts_with(prefix) && secret.len() > prefix.len() + 30);
}

/// Returns the names of the members, in their order in the text.
fn members(object: &Value) -> Vec<&String> {
    object.as_object().unwrap().keys().collect()
}

#[test]
fn invalid_bodies_are_rejected() {
    let keys = Keys::start();
    let valid = json!({"name": "x", "scope": "READ"});
    let with = |name: &str, value: Value| {
        let mut body = valid.clone();
        body[name] = value;
        body
    };
    for (body, field, reason) in [
        (json!({"scope": "READ"}), "name", "required"),
        (with("name", json!("\u{200B}")), "name", "required"),
        (with("name", json!(7)), "name", "wrong_type"),
        (with("name", json!("a\u{0}b")), "name", "control_character"),
        (with("name", json!("x".repeat(256))), "name", "too_long"),
        (json!({"name": "x"}), "scope", "required"),
        (with("scope", Value::Null), "scope", "required"),
        (with("scope", json!("OWNER")), "scope", "not_in_enum"),
        (with("scope", json!("read")), "scope", "not_in_enum"),
        (with("scope", json!(["READ"])), "scope", "wrong_type"),
        (with("expires_in", json!("soon")), "expires_in", "malformed"),
        (with("expires_in", json!("30")), "expires_in", "malformed"),
        (
            with("expires_in", json!("0s")),
            "expires_in",
            "out_of_range",
        ),
        (
            with("expires_in", json!("101y")),
            "expires_in",
            "out_of_range",
        ),
        (with("expires_in", json!(30)), "expires_in", "wrong_type"),
        (
            with("expires_at", json!("2030-01-01")),
            "expires_at",
            "unknown_field",
        ),
        (
            with("workspace_id", json!(2)),
            "workspace_id",
            "unknown_field",
        ),
    ] {
        let response = keys.send("POST", "/keys", &body);
        assert_eq!(response.status, 400, "{body}: {}", response.text);
        let expected = (Value::Null, field.to_owned(), reason.to_owned());
        assert_eq!(response.reasons(), [expected], "{body}");
    }
    for body in [
        "",
        "[]",
        "{",
        "null",
        r#"{"name":"x","name":"y","scope":"READ"}"#,
    ] {
        let request = keys.api.request("POST", "/keys").bearer_auth(&keys.admin);
        let request = request.header("Content-Type", "application/json");
        assert_eq!(send(request.body(body)).status, 400, "{body}");
    }
    assert_eq!(keys.api.database.count("api_keys"), 2);
}

#[test]
fn blank_expiry_means_none() {
    let keys = Keys::start();
    for expires_in in [Value::Null, json!(""), json!(" ")] {
        let fields = json!({"name": "x", "scope": "READ", "expires_in": expires_in});
        assert_eq!(keys.create(&fields)["expires_at"], Value::Null);
    }
}

#[test]
fn unknown_fields_are_never_ignored() {
    let keys = Keys::start();
    let body = json!({"name": "x", "scope": "READ", "expire_in": "30d"});
    let request = keys.api.request("POST", "/keys").bearer_auth(&keys.admin);
    let response = send(request.header("Prefer", "handling=lenient").json(&body));
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["errors"][0]["did_you_mean"], "expires_in");
    assert_eq!(response.header("preference-applied"), "");
}

#[test]
fn idempotency_key_is_rejected() {
    let keys = Keys::start();
    for path in ["/keys", "/keys/1/rotate"] {
        let request = keys.api.request("POST", path).bearer_auth(&keys.admin);
        let request = request.header("Idempotency-Key", "job-1");
        let response = send(request.json(&json!({"name": "x", "scope": "READ"})));
        assert_eq!(response.status, 400, "{path}: {}", response.text);
        let error = response.json()["error"].as_str().unwrap().to_owned();
        assert!(
            error.contains("Idempotency-Key is not supported"),
            "{error}"
        );
    }
    assert_eq!(keys.api.database.count("api_keys"), 2);
    assert_eq!(keys.api.database.count("idempotency_keys"), 0);
}

#[test]
fn quota_of_keys_is_enforced() {
    let options = ServerOptions::with("DEVICES__LIMITS__KEYS_PER_WORKSPACE", 3);
    let keys = Keys::start_with(&options);
    let (id, _) = keys.create_scope("READ");
    let rejected = keys.send("POST", "/keys", &json!({"name": "x", "scope": "READ"}));
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    assert_eq!(rejected.json()["error"], "KEY_QUOTA_EXCEEDED");
    data(&keys.call("DELETE", &format!("/keys/{id}")), 200);
    keys.create_scope("READ");
}

#[test]
fn expiring_key_creates_no_lasting_key() {
    let keys = Keys::start();
    let admin = json!({"name": "temporary", "scope": "ADMIN", "expires_in": "2h"});
    let (_, temporary) = id_and_secret(&keys.create(&admin));
    for expires_in in [Value::Null, json!("3h")] {
        let fields = json!({"name": "x", "scope": "READ", "expires_in": expires_in});
        let response = keys.send_as(&temporary, "POST", "/keys", &fields);
        assert_forbidden(&response, "valid for longer than the key of the request");
    }
    keys.create_as(
        &temporary,
        &json!({"name": "x", "scope": "ADMIN", "expires_in": "1h"}),
    );
}

#[test]
fn creation_is_audited_with_the_acting_key() {
    let keys = Keys::start();
    let (id, _) = keys.create_scope("READ");
    let events = keys.api.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["action"], "CREATED");
    assert_eq!(events[0]["key_id"], ADMIN_ID);
    assert_eq!(events[0]["api_key_id"], id);
    // The event feed has changes of devices, users and enrolments only.
    assert_eq!(data(&keys.call("GET", "/events"), 200), json!([]));
}
