//! `PATCH /devices/{device_id}`.

use devices_domain::{Field, Format, fields};
use devices_tests::{Api, complete_device, empty_value, race, send};
use serde_json::{Map, Value, json};

use super::{
    assert_rejected, complete_request, complete_response, create_device_path, get,
    optional_text_fields, patch, retry_while_unavailable, without_timestamps,
};

/// A change of one field of the complete device.
struct Change {
    name: &'static str,
    /// The value in the request.
    sent: Value,
    /// The value in the response.
    returned: Value,
    /// The value in the response after the field was cleared. `None` if the field is not nullable.
    cleared: Option<Value>,
}

impl Change {
    fn new(field: &Field) -> Self {
        let name = field.name();
        let current = complete_device(json!({}))[name].clone();
        let (sent, returned) = match (name, field.format()) {
            ("name", _) => (json!("  New name "), json!("New name")),
            ("client_purchase_price", _) => (json!("12,5"), json!("12.50")),
            ("client_rental_price", _) => (json!("0"), json!("0.00")),
            ("client_purchase_date", _) => {
                (json!("2023-05-31T23:30:00-05:00"), json!("2023-05-31"))
            }
            ("connection_type", _) => (json!("Thunderbolt 4"), json!(["Thunderbolt 4"])),
            ("attributes", _) => (
                json!({"Room": "C3", "Cost centre": null}),
                json!({"Room": "C3"}),
            ),
            (_, format) => {
                let value = match (name, format) {
                    ("client_rental_startDate", _) => json!("2024-04-01"),
                    ("client_rental_endDate", _) => json!("2026-01-01"),
                    (_, Format::Text { .. }) => json!(format!("Änother {name}")),
                    (_, Format::Lines { .. }) => json!("Änother\nremark"),
                    (_, Format::TextList { .. }) => json!(["TÜV 1", "CE 2"]),
                    (_, Format::SerialNumber) => json!("NEW-SERIAL-1"),
                    (_, Format::AssetTag) => json!("new tag 1"),
                    (_, Format::Amount) => json!("0.00"),
                    (_, Format::Date) => json!("2030-01-01"),
                    (_, Format::OneOf(words)) => json!(words.iter().find(|word| current != **word)),
                    (_, Format::Boolean) => json!(current != true),
                    (
                        _,
                        Format::Email | Format::Id | Format::Instant | Format::Attributes { .. },
                    ) => panic!("{name}"),
                };
                (value.clone(), value)
            }
        };
        let cleared = match (name, field.format()) {
            ("name" | "is_rented", _) => None,
            _ => Some(empty_value(field)),
        };
        Self {
            name,
            sent,
            returned,
            cleared,
        }
    }
}

/// Returns a change of every field that a patch accepts, except the assignee.
fn changes() -> Vec<Change> {
    fields()
        .iter()
        .filter(|field| !field.is_immutable() && !field.name().starts_with("user_"))
        .map(Change::new)
        .collect()
}

/// Sets a field of a response, and the status that follows from it.
fn with(mut device: Value, name: &str, value: &Value) -> Value {
    let characteristics = device["characteristics"].as_object_mut().unwrap();
    match characteristics.get_mut(name) {
        Some(member) => *member = value.clone(),
        None => device[name] = value.clone(),
    }
    if name == "lifecycle" {
        device["client_status"] = match value {
            Value::Null => json!("IN_SERVICE"),
            value => value.clone(),
        };
    }
    device
}

#[test]
fn patch_changes_only_named_fields() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, complete_request(user));
    let mut expected = complete_response(1, user);
    for change in changes() {
        let name = change.name;
        let sent = json!({ name: change.sent });
        expected = with(expected, name, &change.returned);
        let patched = patch(&api, &path, &sent);
        assert_eq!(without_timestamps(patched), expected, "{name}");
        let Some(cleared) = change.cleared else {
            continue;
        };
        // `null` and an empty text both clear a field.
        for empty in [Value::Null, json!("")] {
            let cleared = with(expected.clone(), name, &cleared);
            let patched = patch(&api, &path, &json!({ name: empty }));
            assert_eq!(without_timestamps(patched), cleared, "{name}");
            let patched = patch(&api, &path, &sent);
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
    for change in changes() {
        expected = with(expected, change.name, &change.returned);
        body.insert(change.name.to_owned(), change.sent);
    }
    let patched = patch(&api, &path, &Value::Object(body));
    assert_eq!(without_timestamps(patched), expected);

    let mut body = Map::new();
    for change in changes() {
        if let Some(cleared) = change.cleared {
            expected = with(expected, change.name, &cleared);
            body.insert(change.name.to_owned(), Value::Null);
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
fn lenient_patch_ignores_unknown_fields() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let body = json!({"colour": "red", "color": "blue", "client_status": "ARCHIVED", "id": 7});
    let headers = [("Prefer", "handling=lenient")];
    let response = api.send_with("PATCH", &path, &headers, &body);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.header("preference-applied"), "handling=lenient");
    let device = get(&api, &path);
    assert_eq!(device["characteristics"]["color"], "blue");
    assert_eq!(device["client_status"], "AVAILABLE");
    assert_eq!(device["id"], 1);
    let strict = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_eq!(strict.header("preference-applied"), "");
}

#[test]
fn patch_sets_and_clears_assignee() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let bob = api.add_user("acme", "bob@example.com");
    // The same email address in another workspace identifies another user.
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
        let device = patch(&api, &path, &body);
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
        assert_eq!(device["user"], json!(user), "{body}");
        assert_eq!(device["user_id"], json!(assignee), "{body}");
        let status = if assignee.is_some() {
            "IN_SERVICE"
        } else {
            "AVAILABLE"
        };
        assert_eq!(device["client_status"], status, "{body}");
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
        let device = patch(&api, &path, &body);
        assert_eq!(device["client_status"], status, "{body}");
        let found = api.get_json(&format!("/devices?client_status={status}"));
        assert_eq!(found["data"], json!([device]), "{body}");
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
        let device = patch(&api, &path, &json!({ "serial_number": serial }));
        assert_eq!(device["serial_number"], serial.trim());
    }
    let found = api.get_json("/devices?serial_number=abc-1");
    assert_eq!(found["meta"]["total"], 1);
}

#[test]
fn serial_number_can_move_between_devices() {
    let api = Api::start();
    let first = api.create_device(json!({"serial_number": "MOVES-1"}));
    let first_path = format!("/devices/{first}");
    let second_path = create_device_path(&api, json!({}));
    let serial_number = json!({"serial_number": "moves-1"});
    let rejected = api.send("PATCH", &second_path, &serial_number);
    let body = assert_rejected(&rejected, 400, &[("serial_number", "already_exists")]);
    assert_eq!(body["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(body["errors"][0]["existing_device_id"], first);
    assert_eq!(
        patch(&api, &first_path, &json!({"serial_number": null}))["serial_number"],
        Value::Null
    );
    assert_eq!(
        patch(&api, &second_path, &serial_number)["serial_number"],
        "moves-1"
    );
    let back = api.send("PATCH", &first_path, &json!({"serial_number": "MOVES-1"}));
    assert_eq!(back.status, 400, "{}", back.text);
    for invalid in ["N/A", "0000", "é"] {
        let response = api.send("PATCH", &first_path, &json!({ "serial_number": invalid }));
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
    let succeeded = statuses.iter().filter(|status| **status == 200).count();
    let rejected = statuses.iter().filter(|status| **status == 400).count();
    assert_eq!((succeeded, rejected), (1, 7), "{statuses:?}");
    let found = api.get_json("/devices?serial_number=WANTED-1");
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
    let device = patch(&api, &path, &json!({"serial_number": "sn-200"}));
    assert_eq!(device["mdm"]["local_name"], "Name of SN-200");
    let unlinked = api.get_json("/mdm/enrollments?linked=false");
    assert_eq!(unlinked["meta"]["total"], 1);
    assert_eq!(unlinked["data"][0]["serial_number"], "SN-100");
    let device = patch(&api, &path, &json!({"serial_number": null}));
    assert_eq!(device["mdm"], Value::Null);
    let unlinked = api.get_json("/mdm/enrollments?linked=false");
    assert_eq!(unlinked["meta"]["total"], 2);
}

#[test]
fn concurrent_patches_lose_no_update() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let names = optional_text_fields();
    let member = |device: &Value, field: &str| match device["characteristics"].get(field) {
        Some(member) => member.clone(),
        None => device[field].clone(),
    };
    std::thread::scope(|scope| {
        for &field in &names {
            let (api, path, member) = (&api, &path, &member);
            scope.spawn(move || {
                let body = json!({field: format!("Value of {field}")});
                let response = retry_while_unavailable(|| api.send("PATCH", path, &body));
                assert_eq!(response.status, 200, "{}", response.text);
                assert_eq!(member(&response.json()["data"], field), body[field]);
            });
        }
    });
    let device = get(&api, &path);
    for &field in &names {
        let member = member(&device, field);
        assert_eq!(member, format!("Value of {field}"), "{device}");
    }
    let updates = api
        .events()
        .into_iter()
        .filter(|event| event["action"] == "UPDATED");
    assert_eq!(updates.count(), names.len());
}

#[test]
fn read_key_cannot_patch_or_delete() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let read = api.create_key("acme", "READ");
    let before = api.call("GET", &path).text;
    for path in [path.as_str(), "/devices/999", "/devices/abc"] {
        for method in ["PATCH", "DELETE"] {
            for body in ["", "{", "{\"color\":\"red\"}"] {
                let request = api.request(method, path).bearer_auth(&read);
                let request = request.header("Content-Type", "application/json");
                send(request.body(body)).assert_error(403, "INSUFFICIENT_SCOPE");
            }
        }
    }
    assert_eq!(api.call("GET", &path).text, before);
}
