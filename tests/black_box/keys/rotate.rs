//! `POST /keys/{key_id}/rotate`.

use devices_tests::send;
use serde_json::{Value, json};

use super::{ADMIN_ID, Keys, assert_forbidden, data, id_and_secret};

#[test]
fn rotated_key_is_valid_for_the_overlap() {
    let keys = Keys::start();
    let (id, old) = keys.create_scope("WRITE");
    let rotated = data(&keys.call("POST", &format!("/keys/{id}/rotate")), 201);
    let (new_id, new) = id_and_secret(&rotated);
    assert_eq!(
        (&rotated["name"], &rotated["scope"]),
        (&json!("integration"), &json!("WRITE"))
    );
    let retires = format!(
        "SELECT retires_at - now() BETWEEN '23 hours' AND '24 hours' FROM api_keys WHERE id = {id}"
    );
    assert_eq!(keys.api.database.texts(&retires), ["true"]);
    let get = |key: &str| keys.api.call_as(key, "GET", "/users").status;
    assert_eq!([get(&old), get(&new)], [200, 200]);
    let path = format!("/keys/{new_id}/rotate");
    data(&keys.send("POST", &path, &json!({"overlap": "0s"})), 201);
    assert_eq!(get(&new), 401);
    let printed = keys.command(&["rotate", &(new_id + 1).to_string()]);
    let members = |object: &Value| {
        object
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(members(&rotated), members(&printed));
}

#[test]
fn inactive_key_is_not_rotated() {
    let keys = Keys::start();
    let (id, _) = keys.create_scope("READ");
    data(&keys.call("DELETE", &format!("/keys/{id}")), 200);
    let rotated = keys.call("POST", &format!("/keys/{id}/rotate"));
    assert_forbidden(&rotated, "revoked or expired");
}

#[test]
fn invalid_bodies_are_rejected() {
    let keys = Keys::start();
    for (body, field, reason) in [
        (json!({"overlap": "soon"}), "overlap", "malformed"),
        (json!({"overlap": "-1h"}), "overlap", "malformed"),
        (json!({"overlap": "101y"}), "overlap", "out_of_range"),
        (json!({"overlap": 24}), "overlap", "wrong_type"),
        (json!({"overlaps": "1h"}), "overlaps", "unknown_field"),
    ] {
        let response = keys.send("POST", "/keys/1/rotate", &body);
        assert_eq!(response.status, 400, "{body}: {}", response.text);
        let expected = (Value::Null, field.to_owned(), reason.to_owned());
        assert_eq!(response.reasons(), [expected], "{body}");
    }
    let request = keys
        .api
        .request("POST", "/keys/1/rotate")
        .bearer_auth(&keys.admin);
    let response = send(request.header("Content-Type", "text/plain").body("{}"));
    response.assert_media_type_rejected(&["application/json"], "text/plain");
    assert_eq!(keys.api.database.count("api_keys"), 2);
}

#[test]
fn admin_key_replaces_itself_once() {
    let keys = Keys::start();
    let path = format!("/keys/{ADMIN_ID}/rotate");
    let rotated = data(&keys.call("POST", &path), 201);
    assert_eq!(rotated["scope"], "ADMIN");
    assert_forbidden(&keys.call("POST", &path), "was rotated already");
    let (id, successor) = id_and_secret(&rotated);
    // The successor is the last ADMIN key, although its predecessor is still valid.
    let revoke = |key: &str, id: i64| keys.api.call_as(key, "DELETE", &format!("/keys/{id}"));
    assert_forbidden(&revoke(&keys.admin, id), "No other ADMIN key");
    assert_eq!(revoke(&successor, ADMIN_ID).status, 200);
    assert_eq!(keys.call("GET", "/keys").status, 401);
}

#[test]
fn expiring_key_does_not_renew_itself() {
    let keys = Keys::start();
    let admin = json!({"name": "temporary", "scope": "ADMIN", "expires_in": "2h"});
    let created = keys.create(&admin);
    let (id, temporary) = id_and_secret(&created);
    let other = keys.api.call_as(&temporary, "POST", "/keys/1/rotate");
    assert_forbidden(&other, "valid for longer than the key of the request");
    let rotated = keys
        .api
        .call_as(&temporary, "POST", &format!("/keys/{id}/rotate"));
    assert_eq!(data(&rotated, 201)["expires_at"], created["expires_at"]);
}

#[test]
fn rotation_is_audited_with_the_acting_key() {
    let keys = Keys::start();
    let (id, _) = keys.create_scope("READ");
    let rotated = data(&keys.call("POST", &format!("/keys/{id}/rotate")), 201);
    let events = keys.api.events();
    let found: Vec<_> = events
        .iter()
        .map(|event| {
            assert_eq!(event["key_id"], ADMIN_ID);
            (
                event["action"].as_str().unwrap(),
                event["api_key_id"].clone(),
            )
        })
        .collect();
    let id = json!(id);
    let expected = [
        ("CREATED", id.clone()),
        ("ROTATED", id),
        ("CREATED", rotated["id"].clone()),
    ];
    assert_eq!(found, expected);
}
