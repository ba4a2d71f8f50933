//! Devices that are assigned to users.

use devices_tests::{Api, device};
use serde_json::{Value, json};

use super::{GRACE, create};

#[test]
fn user_email_assigns_device_ignoring_case() {
    let api = Api::start();
    let grace = create(&api, "Grace@Acme.test", json!({"first_name": "Grace"}))["id"].clone();
    let alan = create(&api, "alan@acme.test", json!({}))["id"].clone();
    for email in ["Grace@Acme.test", "grace@acme.test", " GRACE@ACME.TEST "] {
        let id = api.create_device(json!({"user_email": email}));
        let device = api.get_json(&format!("/devices/{id}"))["data"].clone();
        assert_eq!(device["user_id"], grace, "{email}");
        assert_eq!(device["client_status"], "IN_SERVICE");
        assert_eq!(
            device["user"],
            json!({
                "id": grace, "email": "Grace@Acme.test", "first_name": "Grace", "last_name": null,
            })
        );
        assert_eq!(device["user_email"], Value::Null);
    }
    let path = format!("/devices/{}", api.create_device(json!({"user_id": alan})));
    for (patch, user) in [
        (json!({"user_email": "GRACE@acme.test"}), &grace),
        (
            json!({"user_email": "alan@acme.test", "user_id": alan}),
            &alan,
        ),
        (json!({"comment": "same"}), &alan),
        (json!({"user_email": null}), &Value::Null),
        (json!({"user_id": grace}), &grace),
        (json!({"user_id": null}), &Value::Null),
    ] {
        let response = api.send("PATCH", &path, &patch);
        assert_eq!(response.status, 200, "{patch}: {}", response.text);
        let device = response.json()["data"].clone();
        assert_eq!(&device["user_id"], user, "{patch}");
        assert_eq!(&device["user"]["id"], user, "{patch}");
        assert_eq!(device, api.get_json(&path)["data"], "{patch}");
    }
    let both = json!({"user_id": grace, "user_email": "grace@acme.test"});
    api.create_device(both);
    let assigned = api.get_json(&format!("/devices?user_id={grace}"));
    assert_eq!(assigned["meta"]["total"], 4);
}

#[test]
fn unknown_user_email_is_rejected() {
    let api = Api::start();
    api.create_workspace("globex");
    let grace = create(&api, GRACE, json!({}))["id"].clone();
    api.add_user("globex", "foreign@acme.test");
    let deleted = api.add_user("acme", "gone@acme.test");
    assert_eq!(api.call("DELETE", &format!("/users/{deleted}")).status, 200);
    let device_id = api.create_device(json!({"user_id": grace}));
    let path = format!("/devices/{device_id}");
    let mut bodies = Vec::new();
    for email in ["nobody@acme.test", "foreign@acme.test", "gone@acme.test"] {
        let created = api.post(&json!([
            device(json!({})),
            device(json!({"user_email": email})),
        ]));
        let patched = api.send("PATCH", &path, &json!({"user_email": email}));
        for (response, pointer) in [
            (&created, "/devices/1/user_email"),
            (&patched, "/user_email"),
        ] {
            assert_eq!(response.status, 404, "{email}: {}", response.text);
            let report = response.json();
            assert_eq!(report["error"], "INVALID_USER");
            assert_eq!(report["errors_total"], 1);
            let entry = &report["errors"][0];
            assert_eq!(entry["code"], "INVALID_USER");
            assert_eq!(entry["reason"], "unknown_user");
            assert_eq!(entry["field"], "user_email");
            assert_eq!(entry["pointer"], pointer);
        }
        bodies.push((created.text, patched.text));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    // Together with another error, the status is 400.
    let response = api.post(&json!([device(
        json!({"user_email": "nobody@acme.test", "name": ""})
    ),]));
    assert_eq!(response.status, 400, "{}", response.text);
    let patch = json!({"user_email": "nobody@acme.test", "serial_number": "None"});
    assert_eq!(api.send("PATCH", &path, &patch).status, 400);
    // A malformed email address is a field error.
    let response = api.post(&json!([device(json!({"user_email": "grace"}))]));
    assert_eq!(response.status, 400);
    assert_eq!(
        response.reasons(),
        [(json!(0), "user_email".to_owned(), "malformed".to_owned())]
    );
    assert_eq!(api.get_json("/devices")["meta"]["total"], 1);
    assert_eq!(api.get_json(&path)["data"]["user_id"], grace);
}

#[test]
fn mismatched_user_id_and_email_are_rejected() {
    let api = Api::start();
    let grace = create(&api, GRACE, json!({}))["id"].clone();
    let alan = create(&api, "alan@acme.test", json!({}))["id"].clone();
    let device_id = api.create_device(json!({"user_id": grace}));
    let both = json!({"user_id": alan, "user_email": GRACE});
    let created = api.post(&json!([device(both.clone())]));
    let patched = api.send("PATCH", &format!("/devices/{device_id}"), &both);
    for (response, pointer) in [(created, "/devices/0/user_email"), (patched, "/user_email")] {
        assert_eq!(response.status, 400, "{}", response.text);
        let report = response.json();
        assert_eq!(report["error"], "INVALID_USER");
        let entry = &report["errors"][0];
        assert_eq!(entry["code"], "INVALID_USER");
        assert_eq!(entry["reason"], "user_mismatch");
        assert_eq!(entry["field"], "user_email");
        assert_eq!(entry["pointer"], pointer);
    }
    assert_eq!(
        api.get_json(&format!("/devices/{device_id}"))["data"]["user_id"],
        grace
    );
}

#[test]
fn device_shows_renamed_user() {
    let api = Api::start();
    let grace = create(&api, GRACE, json!({"first_name": "Grace"}))["id"].clone();
    let path = format!("/devices/{}", api.create_device(json!({"user_id": grace})));
    let before = api.call("GET", &path);
    let patch = json!({"email": "hopper@acme.test", "first_name": null, "last_name": "Hopper"});
    assert_eq!(
        api.send("PATCH", &format!("/users/{grace}"), &patch).status,
        200
    );
    let expected = json!({
        "id": grace, "email": "hopper@acme.test", "first_name": null, "last_name": "Hopper",
    });
    let after = api.call("GET", &path);
    assert_eq!(after.json()["data"]["user"], expected);
    assert_eq!(api.get_json("/devices")["data"][0]["user"], expected);
    assert_ne!(before.header("etag"), after.header("etag"));
    // Only the new email address identifies the user.
    let create_status = |email: &str| {
        api.post(&json!([device(json!({"user_email": email}))]))
            .status
    };
    assert_eq!(
        (create_status("hopper@acme.test"), create_status(GRACE)),
        (201, 404)
    );
}
