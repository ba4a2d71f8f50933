//! `PATCH /devices/{device_id}`.

use devices_tests::{Api, race, send};
use serde_json::{Map, Value, json};

use super::{
    TEXTS, assert_rejected, complete_request, complete_response, create_device_path, get, patch,
    retry_while_unavailable, without_timestamps,
};

/// Every field that a patch may hold but those of the assignee: another value, how that is shown,
/// and how nothing is.
fn changes() -> Vec<(&'static str, Value, Value, Value)> {
    let same = |name, value: Value| (name, value.clone(), value, Value::Null);
    let mut changes = vec![
        ("name", json!("  New name "), json!("New name"), json!("-")),
        ("is_rented", json!(false), json!(false), json!("-")),
        same("brand", json!("Lenovo")),
        same("serial_number", json!("NEW-SERIAL-1")),
        same("comment", json!("Wörds of a comment")),
        (
            "client_purchase_price",
            json!("12,5"),
            json!("12.50"),
            Value::Null,
        ),
        (
            "client_rental_price",
            json!("0"),
            json!("0.00"),
            Value::Null,
        ),
        (
            "client_purchase_date",
            json!("2023-05-31T23:30:00-05:00"),
            json!("2023-05-31"),
            Value::Null,
        ),
        same("client_warranty_endDate", json!("2030-01-01")),
        same("client_rental_startDate", json!("2024-04-01")),
        same("client_rental_endDate", json!("2026-01-01")),
        same("client_contract_number", json!("Contract 2")),
        same("client_invoice_number", json!("Invoice 2")),
        same("lifecycle", json!("OUT_OF_SERVICE")),
        same("keyboard_layout", json!("GERMAN_QWERTZ")),
        (
            "compliance",
            json!(["TÜV 1", "CE 2"]),
            json!(["TÜV 1", "CE 2"]),
            json!([]),
        ),
        (
            "connection_type",
            json!("Thunderbolt 4"),
            json!(["Thunderbolt 4"]),
            json!([]),
        ),
    ];
    for name in TEXTS {
        changes.push(same(name, json!("Another value")));
    }
    for (name, value) in [
        ("has_microphone", false),
        ("has_webcam", true),
        ("noise_cancellation", false),
        ("has_stool", true),
        ("has_video_package", true),
        ("has_screen", false),
        ("has_premium_tablet", true),
    ] {
        changes.push(same(name, json!(value)));
    }
    changes
}

/// The shown device with a field that is shown as `value`.
fn with(mut shown: Value, name: &str, value: &Value) -> Value {
    let characteristics = shown["characteristics"].as_object_mut().unwrap();
    match characteristics.get_mut(name) {
        Some(member) => *member = value.clone(),
        None => shown[name] = value.clone(),
    }
    if name == "lifecycle" {
        shown["client_status"] = match value {
            Value::Null => json!("IN_SERVICE"),
            value => value.clone(),
        };
    }
    shown
}

#[test]
fn patch_changes_only_named_fields() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let mut expected = complete_response(1, user);
    for (name, sent, shown, cleared) in changes() {
        expected = with(expected, name, &shown);
        let patched = patch(&api, &path, &json!({ name: sent }));
        assert_eq!(without_timestamps(patched), expected, "{name}");
        if cleared == json!("-") {
            continue;
        }
        // Both mean nothing.
        for nothing in [Value::Null, json!("")] {
            let cleared = with(expected.clone(), name, &cleared);
            let patched = patch(&api, &path, &json!({ name: nothing }));
            assert_eq!(without_timestamps(patched), cleared, "{name}");
            let patched = patch(&api, &path, &json!({ name: sent }));
            assert_eq!(without_timestamps(patched), expected, "{name}");
        }
    }
}

#[test]
fn one_patch_can_change_all_fields() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let mut expected = complete_response(1, user);
    let mut body = Map::new();
    for (name, sent, shown, _) in changes() {
        expected = with(expected, name, &shown);
        body.insert(name.to_owned(), sent);
    }
    let patched = patch(&api, &path, &Value::Object(body));
    assert_eq!(without_timestamps(patched), expected);

    let mut body = Map::new();
    for (name, _, _, cleared) in changes() {
        if cleared != json!("-") {
            expected = with(expected, name, &cleared);
            body.insert(name.to_owned(), Value::Null);
        }
    }
    body.insert("user_id".to_owned(), Value::Null);
    expected["user_id"] = Value::Null;
    expected["user"] = Value::Null;
    expected["client_status"] = json!("AVAILABLE");
    let patched = patch(&api, &path, &Value::Object(body));
    assert_eq!(without_timestamps(patched), expected);
}

#[test]
fn patch_advances_updated_at_only() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let mut before = get(&api, &path);
    for number in 0..5 {
        let after = patch(&api, &path, &json!({"comment": format!("Remark {number}")}));
        let instant = |device: &Value| device["updated_at"].as_str().unwrap().to_owned();
        assert!(instant(&after) > instant(&before), "{before} {after}");
        assert_eq!(after["created_at"], before["created_at"]);
        before = after;
    }
}

#[test]
fn noop_patch_keeps_etag_and_audit_trail() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let before = api.ask("GET", &path);
    let mut same = complete_request(user);
    for immutable in ["type", "category", "added_via"] {
        same.as_object_mut().unwrap().remove(immutable);
    }
    for body in [
        same,
        json!({"color": "black"}),
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
fn lenient_patch_ignores_unknown_fields() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let body = json!({"colour": "red", "color": "blue", "client_status": "ARCHIVED", "id": 7});
    let headers = [("Prefer", "handling=lenient")];
    let response = api.send_with("PATCH", &path, &headers, &body);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.header("preference-applied"), "handling=lenient");
    let shown = get(&api, &path);
    assert_eq!(shown["characteristics"]["color"], "blue");
    assert_eq!(shown["client_status"], "AVAILABLE");
    assert_eq!(shown["id"], 1);
    let strict = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_eq!(strict.header("preference-applied"), "");
}

#[test]
fn patch_sets_and_clears_assignee() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let bob = api.add_user("acme", "bob@example.com");
    // The same address in another workspace is another user.
    api.create_workspace("globex");
    api.add_user("globex", "ada@example.com");
    let path = create_device_path(&api, json!({}));
    for (body, assignee) in [
        (json!({"user_id": ada}), Some(ada)),
        (json!({"user_email": "Bob@Example.COM"}), Some(bob)),
        (json!({"color": "red"}), Some(bob)),
        (json!({"user_id": null}), None),
        (json!({"user_email": " ada@example.com "}), Some(ada)),
        (json!({"user_email": null}), None),
        (
            json!({"user_id": bob, "user_email": "BOB@example.com"}),
            Some(bob),
        ),
        (json!({"user_email": ""}), None),
        (json!({"user_id": ada}), Some(ada)),
        (json!({"user_id": null, "user_email": null}), None),
        (json!({"user_id": null}), None),
    ] {
        let shown = patch(&api, &path, &body);
        let email = |user| {
            if user == ada {
                "ada@example.com"
            } else {
                "bob@example.com"
            }
        };
        let user = assignee.map(
            |user| json!({"id": user, "email": email(user), "first_name": null, "last_name": null}),
        );
        assert_eq!(shown["user"], json!(user), "{body}");
        assert_eq!(shown["user_id"], json!(assignee), "{body}");
        let status = match assignee {
            Some(_) => "IN_SERVICE",
            None => "AVAILABLE",
        };
        assert_eq!(shown["client_status"], status, "{body}");
    }
}

#[test]
fn lifecycle_takes_precedence_over_assignee() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, json!({}));
    for (body, status) in [
        (json!({"lifecycle": "OUT_OF_SERVICE"}), "OUT_OF_SERVICE"),
        (json!({"user_id": ada}), "OUT_OF_SERVICE"),
        (json!({"lifecycle": "IN_MAINTENANCE"}), "IN_MAINTENANCE"),
        (json!({"lifecycle": null}), "IN_SERVICE"),
        (
            json!({"lifecycle": "IN_MAINTENANCE", "user_id": null}),
            "IN_MAINTENANCE",
        ),
        (json!({"lifecycle": ""}), "AVAILABLE"),
    ] {
        let shown = patch(&api, &path, &body);
        assert_eq!(shown["client_status"], status, "{body}");
        let found = api.list(&format!("/devices?client_status={status}"));
        assert_eq!(found["data"], json!([shown]), "{body}");
    }
    for word in ["ARCHIVED", "IN_SERVICE", "AVAILABLE", "in_maintenance"] {
        let response = api.send("PATCH", &path, &json!({ "lifecycle": word }));
        assert_rejected(&response, 400, &[("lifecycle", "not_in_enum")]);
    }
}

#[test]
fn own_serial_number_is_not_a_conflict() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"serial_number": "Abc-1"}));
    for serial in ["Abc-1", "aBC-1", " ABC-1 ", "ａbc-1"] {
        let shown = patch(&api, &path, &json!({ "serial_number": serial }));
        assert_eq!(shown["serial_number"], serial.trim());
    }
    let found = api.list("/devices?serial_number=abc-1");
    assert_eq!(found["meta"]["total"], 1);
}

#[test]
fn serial_number_can_move_between_devices() {
    let api = Api::start();
    let one = api.create_device(json!({"serial_number": "MOVES-1"}));
    let (one_path, other_path) = (
        format!("/devices/{one}"),
        create_device_path(&api, json!({})),
    );
    let take = json!({"serial_number": "moves-1"});
    let refused = api.send("PATCH", &other_path, &take);
    let refusal = assert_rejected(&refused, 400, &[("serial_number", "already_exists")]);
    assert_eq!(refusal["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(refusal["errors"][0]["existing_device_id"], one);
    assert_eq!(
        patch(&api, &one_path, &json!({"serial_number": null}))["serial_number"],
        Value::Null
    );
    assert_eq!(patch(&api, &other_path, &take)["serial_number"], "moves-1");
    let back = api.send("PATCH", &one_path, &json!({"serial_number": "MOVES-1"}));
    assert_eq!(back.status, 400, "{}", back.text);
    for placeholder in ["N/A", "0000", "é"] {
        let response = api.send("PATCH", &one_path, &json!({ "serial_number": placeholder }));
        assert_eq!(response.status, 400, "{}", response.text);
        assert_eq!(response.json()["error"], "INVALID_SERIAL_NUMBER");
    }
}

#[test]
fn concurrent_patches_claim_serial_number_once() {
    let api = Api::start();
    let paths: Vec<_> = (0..8)
        .map(|_| create_device_path(&api, json!({})))
        .collect();
    let body = json!({"serial_number": "WANTED-1"});
    let statuses = race(paths.len(), |racer| {
        retry_while_unavailable(|| api.send("PATCH", &paths[racer], &body)).status
    });
    let won = statuses.iter().filter(|status| **status == 200).count();
    let lost = statuses.iter().filter(|status| **status == 400).count();
    assert_eq!((won, lost), (1, 7), "{statuses:?}");
    let found = api.list("/devices?serial_number=WANTED-1");
    assert_eq!(found["meta"]["total"], 1);
}

#[test]
fn patched_serial_number_switches_enrollment() {
    let api = Api::start();
    for serial in ["SN-100", "SN-200"] {
        let path = format!("/mdm/enrollments/{serial}");
        let report = json!({"status": "ENROLLED", "local_name": format!("Name of {serial}")});
        assert_eq!(api.send("PUT", &path, &report).status, 201);
    }
    let path = create_device_path(&api, json!({"serial_number": "SN-100"}));
    assert_eq!(get(&api, &path)["mdm"]["local_name"], "Name of SN-100");
    let shown = patch(&api, &path, &json!({"serial_number": "sn-200"}));
    assert_eq!(shown["mdm"]["local_name"], "Name of SN-200");
    let unlinked = api.list("/mdm/enrollments?linked=false");
    assert_eq!(unlinked["meta"]["total"], 1);
    assert_eq!(unlinked["data"][0]["serial_number"], "SN-100");
    let shown = patch(&api, &path, &json!({"serial_number": null}));
    assert_eq!(shown["mdm"], Value::Null);
    let unlinked = api.list("/mdm/enrollments?linked=false");
    assert_eq!(unlinked["meta"]["total"], 2);
}

#[test]
fn concurrent_patches_lose_no_update() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let beside = [
        "brand",
        "comment",
        "client_contract_number",
        "client_invoice_number",
    ];
    let fields = [&TEXTS[..], &beside].concat();
    let member = |shown: &Value, field: &str| match shown["characteristics"].get(field) {
        Some(member) => member.clone(),
        None => shown[field].clone(),
    };
    std::thread::scope(|scope| {
        for &field in &fields {
            let (api, path, member) = (&api, &path, &member);
            scope.spawn(move || {
                let body = json!({field: format!("Value of {field}")});
                let response = retry_while_unavailable(|| api.send("PATCH", path, &body));
                assert_eq!(response.status, 200, "{}", response.text);
                assert_eq!(member(&response.json()["data"], field), body[field]);
            });
        }
    });
    let shown = get(&api, &path);
    for field in fields {
        let member = member(&shown, field);
        assert_eq!(member, format!("Value of {field}"), "{shown}");
    }
    let updates = api
        .events()
        .into_iter()
        .filter(|event| event["action"] == "UPDATED");
    assert_eq!(updates.count(), 16);
}

#[test]
fn read_key_cannot_patch_or_delete() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let read = api.create_key("acme", "READ");
    let before = api.ask("GET", &path).text;
    for path in [path.as_str(), "/devices/999", "/devices/abc"] {
        for method in ["PATCH", "DELETE"] {
            for body in ["", "{", "{\"color\":\"red\"}"] {
                let request = api.request(method, path).bearer_auth(&read);
                let request = request.header("Content-Type", "application/json");
                send(request.body(body)).assert_error(403, "INSUFFICIENT_SCOPE");
            }
        }
    }
    assert_eq!(api.ask("GET", &path).text, before);
}
