//! `GET /keys`.

use serde_json::{Value, json};

use super::{Keys, data};

#[test]
fn list_equals_output_of_the_command() {
    let keys = Keys::start();
    let (revoked, _) = keys.create_scope("READ");
    data(&keys.call("DELETE", &format!("/keys/{revoked}")), 200);
    keys.create(&json!({"name": "expired", "scope": "READ", "expires_in": "30d"}));
    keys.api.database.execute(
        "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE name = 'expired'",
    );
    let (rotated, _) = keys.create_scope("WRITE");
    data(&keys.call("POST", &format!("/keys/{rotated}/rotate")), 201);
    keys.api
        .database
        .wait_until("SELECT last_used_at IS NOT NULL FROM api_keys WHERE scope = 'ADMIN'");
    let response = keys.call("GET", "/keys");
    let listed = data(&response, 200);
    assert_eq!(listed, keys.command(&["list", "--workspace", "acme"]));
    assert_eq!(listed.as_array().unwrap().len(), 6);
    assert!(!response.text.contains(r#""secret":"#), "{}", response.text);
    let meta = &response.json()["meta"];
    assert_eq!(*meta, json!({"total": 6, "limit": 50, "offset": 0}));
    let with = |member: &str| {
        let keys = listed.as_array().unwrap().iter();
        let ids = keys
            .filter(|key| key[member] != Value::Null)
            .map(|key| key["id"].as_i64());
        ids.flatten().collect::<Vec<_>>()
    };
    assert_eq!(with("revoked_at"), [revoked]);
    assert_eq!(with("expires_at"), [revoked + 1]);
    assert_eq!(with("retires_at"), [rotated]);
}

#[test]
fn pages_contain_every_key_once() {
    let keys = Keys::start();
    for _ in 0..3 {
        keys.create_scope("READ");
    }
    let mut ids = Vec::new();
    let mut next = Some("/keys?limit=2".to_owned());
    while let Some(path) = next {
        let page = keys.call("GET", &path);
        let items = data(&page, 200);
        ids.extend(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["id"].as_i64().unwrap()),
        );
        assert_eq!(page.json()["meta"]["total"], 5);
        next = page.link("next");
    }
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    let last = keys.call("GET", "/keys?limit=1&offset=4");
    assert_eq!(data(&last, 200)[0]["id"], 5);
    assert_eq!(data(&keys.call("GET", "/keys?offset=5"), 200), json!([]));
}

#[test]
fn invalid_parameters_are_rejected() {
    let keys = Keys::start();
    for (query, name, reason) in [
        ("limit=0", "limit", "out_of_range"),
        ("limit=101", "limit", "out_of_range"),
        ("offset=-1", "offset", "out_of_range"),
        ("cursor=x", "cursor", "malformed"),
        ("scope=READ", "scope", "unknown_field"),
    ] {
        let response = keys.call("GET", &format!("/keys?{query}"));
        response.assert_parameter_rejected(name, reason, query);
    }
}
