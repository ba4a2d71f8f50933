//! Patches that send stored values: they change nothing.

use devices_tests::Api;
use serde_json::{Value, json};

use super::{complete_request, create_device_path, patch};

#[test]
fn noop_patch_keeps_etag_and_audit_trail() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let before = api.call("GET", &path);
    for body in [
        complete_request(user),
        json!({"brand": "Apple"}),
        json!({"user_email": "ADA@example.com"}),
    ] {
        let response = api.send("PATCH", &path, &body);
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.text, before.text);
        assert_eq!(response.header("etag"), before.header("etag"));
    }
    assert_eq!(api.events().len(), 1);
}

#[test]
fn stored_value_of_immutable_field_is_no_change() {
    let api = Api::start();
    let fields = json!({"type": "Laptop", "category": "Größe", "added_via": "ONBOARDING"});
    let path = create_device_path(&api, fields.clone());
    let before = api.call("GET", &path);
    for body in [
        fields.clone(),
        json!({"type": "Laptop"}),
        json!({"type": " Laptop "}),
        json!({"category": "Größe\u{FEFF}"}),
        json!({"added_via": "ONBOARDING"}),
    ] {
        let response = api.send("PATCH", &path, &body);
        assert_eq!(response.status, 200, "{body}: {}", response.text);
        assert_eq!(response.text, before.text, "{body}");
        assert_eq!(response.header("etag"), before.header("etag"), "{body}");
    }
    assert_eq!(api.events().len(), 1);
    let body = json!({"type": "Laptop", "category": "Größe", "comment": "x"});
    let changed = patch(&api, &path, &body);
    assert_eq!(changed["comment"], "x");
    assert_eq!(changed["type"], "Laptop");
    assert_eq!(api.events()[1]["fields"], json!(["comment"]));
    let path = create_device_path(&api, json!({}));
    patch(&api, &path, &json!({"added_via": null, "comment": "x"}));
}

#[test]
fn device_that_was_read_can_be_sent_back() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let linked = json!({"status": "ENROLLED"});
    assert_eq!(
        api.send("PUT", "/mdm/enrollments/SN-100", &linked).status,
        201
    );
    let lenient = |method: &str, path: &str, body: &Value| {
        api.send_with(method, path, &[("Prefer", "handling=lenient")], body)
    };
    for fields in [
        json!({}),
        complete_request(user),
        json!({"user_id": user}),
        json!({"lifecycle": "OUT_OF_SERVICE"}),
        json!({"serial_number": "sn-100"}),
        json!({"comment": "ß\u{301}", "type": "Größe", "is_rented": true}),
    ] {
        let path = create_device_path(&api, fields.clone());
        let events = api.events().len();
        let read = api.call("GET", &path);
        let sent_back = lenient("PATCH", &path, &read.json()["data"]);
        assert_eq!(sent_back.status, 200, "{fields}: {}", sent_back.text);
        assert_eq!(sent_back.text, read.text, "{fields}");
        assert_eq!(sent_back.header("etag"), read.header("etag"), "{fields}");
        assert_eq!(api.events().len(), events, "{fields}");
        // One change beside the unchanged fields is a change of one field.
        let mut body = read.json()["data"].clone();
        body["brand"] = json!("Changed");
        let changed = lenient("PATCH", &path, &body);
        assert_eq!(changed.status, 200, "{fields}: {}", changed.text);
        assert_eq!(api.events()[events]["fields"], json!(["brand"]), "{fields}");
        // Without the preference, read-only members are errors.
        assert_eq!(api.send("PATCH", &path, &body).status, 400, "{fields}");
    }
    let mut archived = api.call("DELETE", "/devices/1").json()["data"].clone();
    archived["brand"] = json!("Changed again");
    let response = lenient("PATCH", "/devices/1", &archived);
    response.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
}
