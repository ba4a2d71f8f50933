//! `GET`, `PATCH` and `DELETE /devices/{device_id}`.

use std::time::{Duration, Instant};

use devices_tests::{Answer, Api, ServerOptions, complete_device, device, race, send};
use serde_json::{Map, Value, json};

/// The path of a new device.
fn new_path(api: &Api, fields: Value) -> String {
    format!("/devices/{}", api.create_device(fields))
}

fn get(api: &Api, path: &str) -> Value {
    api.list(path)["data"].clone()
}

/// What a device has become by a patch, which must succeed.
fn patch(api: &Api, path: &str, fields: &Value) -> Value {
    let answer = api.send("PATCH", path, fields);
    assert_eq!(answer.status, 200, "{fields}: {}", answer.text);
    let data = answer.json()["data"].clone();
    assert_eq!(get(api, path), data, "what is answered is what is stored");
    data
}

/// What device management is answered that reports this status of a serial number.
fn report(api: &Api, serial_number: &str, status: &str) -> Answer {
    let path = format!("/mdm/enrollments/{serial_number}");
    api.send("PUT", &path, &json!({ "status": status }))
}

fn tag(api: &Api, path: &str) -> String {
    let answer = api.ask("GET", path);
    let tag = answer.header("etag").to_owned();
    assert!(
        tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'),
        "{answer:?}"
    );
    tag
}

/// Refused with 400 for these fields and reasons, as a body is: without an index.
fn assert_refused(answer: &Answer, status: u16, expected: &[(&str, &str)]) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.json();
    let entries = body["errors"].as_array();
    let entries = entries.unwrap_or_else(|| panic!("{body}"));
    let mut told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default();
            (text("field"), text("reason"))
        })
        .collect();
    let mut expected = expected.to_vec();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected, "{body}");
    assert_eq!(body["errors_total"], expected.len());
    for entry in entries {
        assert_eq!(entry["index"], Value::Null, "{body}");
        let field = entry["field"].as_str().unwrap();
        let pointer = entry["pointer"].as_str().unwrap();
        assert!(pointer.starts_with(&format!("/{field}")), "{body}");
        let message = entry["message"].as_str().unwrap();
        assert!(message.starts_with(field), "{body}");
    }
    body
}

/// The characteristics that are texts of any words.
const TEXTS: [&str; 12] = [
    "screen_size",
    "graphic",
    "processor",
    "ram",
    "storage",
    "model_year",
    "connectivity",
    "resolution",
    "color",
    "seats_number",
    "assembly",
    "os_platform",
];

/// A device in which every field is set, assigned to `user`.
fn complete(user: i64) -> Value {
    complete_device(json!({
        "user_id": user, "client_purchase_price": "1299,5", "client_rental_price": "49",
        "client_warranty_endDate": "2027-02-28T23:59:59Z", "compliance": "CE",
    }))
}

/// What is shown of it.
fn complete_shown(id: i64, user: i64) -> Value {
    let mut shown = complete_device(json!({
        "id": id, "rent": null, "tracking_number": null, "client_status": "IN_MAINTENANCE",
        "source": "EXTERNAL", "mdm": null, "user_id": user,
        "user": {"id": user, "email": "ada@example.com", "first_name": null, "last_name": null},
    }));
    let beside = [
        "keyboard_layout",
        "compliance",
        "connection_type",
        "has_microphone",
        "has_webcam",
        "noise_cancellation",
        "has_stool",
        "has_video_package",
        "has_screen",
        "has_premium_tablet",
    ];
    let members = shown.as_object_mut().unwrap();
    let characteristics = TEXTS.iter().chain(&beside);
    let characteristics: Map<_, _> = characteristics
        .map(|name| members.remove_entry(*name).unwrap())
        .collect();
    shown["characteristics"] = characteristics.into();
    shown
}

/// The device without the instants, which no test knows before.
fn without_instants(mut device: Value) -> Value {
    let members = device.as_object_mut().unwrap();
    for name in ["created_at", "updated_at"] {
        let instant = members.remove(name).unwrap();
        let instant = instant.as_str().unwrap();
        let is_utc = instant.ends_with('Z') || instant.ends_with("+00:00");
        assert!(is_utc && instant.contains('T'), "{name}: {instant}");
    }
    device
}

#[test]
fn a_device_is_shown_with_every_field() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, complete(user));
    let answer = api.ask("GET", &path);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    let shown = answer.json();
    assert_eq!(shown.as_object().unwrap().len(), 1);
    assert_eq!(
        without_instants(shown["data"].clone()),
        complete_shown(1, user)
    );
}

#[test]
fn a_device_of_three_fields_has_every_key_of_the_created_one_and_more() {
    let api = Api::start();
    let created = api.post(&json!([device(json!({}))])).created()[0].clone();
    let shown = get(&api, &format!("/devices/{}", created["id"]));
    let mut expected: Map<String, Value> = created.as_object().unwrap().clone();
    for name in [
        "brand",
        "user_id",
        "added_via",
        "client_purchase_price",
        "client_rental_price",
        "client_purchase_date",
        "client_warranty_endDate",
        "client_rental_startDate",
        "client_rental_endDate",
        "client_contract_number",
        "client_invoice_number",
        "lifecycle",
        "user",
    ] {
        expected.insert(name.to_owned(), Value::Null);
    }
    expected.insert("is_rented".to_owned(), false.into());
    assert_eq!(shown["created_at"], shown["updated_at"]);
    assert_eq!(without_instants(shown), Value::Object(expected));
}

#[test]
fn lists_single_devices_patches_and_both_prefixes_show_the_same_object() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, complete(user));
    let patched = api.send("PATCH", &path, &json!({"color": "red"}));
    let prefixed = format!("/platform/v1{path}");
    assert_eq!(api.list("/devices")["data"][0], patched.json()["data"]);
    let (one, other) = (api.ask("GET", &path), api.ask("GET", &prefixed));
    assert_eq!(one.text, patched.text);
    assert_eq!(one.header("etag"), patched.header("etag"));
    assert_eq!(other.text, one.text);
    assert_eq!(other.header("etag"), one.header("etag"));
    let patched = api.send("PATCH", &prefixed, &json!({"color": "blue"}));
    assert_eq!(patched.status, 200, "{}", patched.text);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "blue");
    assert_eq!(api.ask("DELETE", &prefixed).status, 200);
    assert_eq!(get(&api, &path)["client_status"], "ARCHIVED");
}

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
fn a_patch_changes_the_fields_that_it_names_and_no_other() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, complete(user));
    let mut expected = complete_shown(1, user);
    for (name, sent, shown, cleared) in changes() {
        expected = with(expected, name, &shown);
        let patched = patch(&api, &path, &json!({ name: sent }));
        assert_eq!(without_instants(patched), expected, "{name}");
        if cleared == json!("-") {
            continue;
        }
        // Both mean nothing.
        for nothing in [Value::Null, json!("")] {
            let cleared = with(expected.clone(), name, &cleared);
            let patched = patch(&api, &path, &json!({ name: nothing }));
            assert_eq!(without_instants(patched), cleared, "{name}");
            let patched = patch(&api, &path, &json!({ name: sent }));
            assert_eq!(without_instants(patched), expected, "{name}");
        }
    }
}

#[test]
fn one_patch_may_change_and_clear_everything() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, complete(user));
    let mut expected = complete_shown(1, user);
    let mut body = Map::new();
    for (name, sent, shown, _) in changes() {
        expected = with(expected, name, &shown);
        body.insert(name.to_owned(), sent);
    }
    let patched = patch(&api, &path, &Value::Object(body));
    assert_eq!(without_instants(patched), expected);

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
    assert_eq!(without_instants(patched), expected);
}

#[test]
fn a_change_is_later_than_the_one_before_and_the_creation_stays() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
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
fn a_patch_that_changes_nothing_leaves_the_device_its_tag_and_the_audit_trail() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, complete(user));
    let before = api.ask("GET", &path);
    let mut same = complete(user);
    for immutable in ["type", "category", "added_via"] {
        same.as_object_mut().unwrap().remove(immutable);
    }
    for body in [
        same,
        json!({"color": "black"}),
        json!({"user_email": "ADA@example.com"}),
    ] {
        let answer = api.send("PATCH", &path, &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.text, before.text);
        assert_eq!(answer.header("etag"), before.header("etag"));
    }
    assert_eq!(api.events().len(), 1);
}

#[test]
fn a_name_and_whether_it_is_rented_cannot_be_cleared() {
    let api = Api::start();
    let path = new_path(&api, json!({"is_rented": true}));
    let before = get(&api, &path);
    for field in ["name", "is_rented"] {
        for nothing in [Value::Null, json!(""), json!("  ")] {
            let answer = api.send("PATCH", &path, &json!({ field: nothing }));
            let body = assert_refused(&answer, 400, &[(field, "not_nullable")]);
            assert_eq!(
                body["error"],
                format!("{field} must have a value: it cannot be cleared")
            );
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
            assert_eq!(body["errors"][0]["pointer"], format!("/{field}"));
        }
    }
    let both = json!({"name": null, "is_rented": null, "color": "red"});
    let answer = api.send("PATCH", &path, &both);
    assert_refused(
        &answer,
        400,
        &[("name", "not_nullable"), ("is_rented", "not_nullable")],
    );
    assert_eq!(get(&api, &path), before);
}

#[test]
fn what_is_immutable_is_named_whatever_its_value() {
    let api = Api::start();
    let path = new_path(&api, json!({"added_via": "ONBOARDING"}));
    let before = get(&api, &path);
    for (field, values) in [
        (
            "type",
            [json!("phone"), json!("laptop"), json!(null), json!(1)],
        ),
        (
            "category",
            [json!("phones"), json!("computers"), json!(null), json!([])],
        ),
        (
            "added_via",
            [
                json!("MASS_IMPORT"),
                json!("ONBOARDING"),
                json!(null),
                json!("x"),
            ],
        ),
    ] {
        for value in values {
            let answer = api.send("PATCH", &path, &json!({field: value, "color": "red"}));
            let body = assert_refused(&answer, 400, &[(field, "immutable_field")]);
            assert_eq!(body["errors"][0]["code"], "INVALID_FIELD");
        }
    }
    // Whoever is lenient with what is unknown does not mean these.
    let headers = [("Prefer", "handling=lenient")];
    let answer = api.send_with("PATCH", &path, &headers, &json!({"type": "phone"}));
    assert_refused(&answer, 400, &[("type", "immutable_field")]);
    assert_eq!(get(&api, &path), before);
}

#[test]
fn a_patch_without_a_field_is_empty() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    api.send("PATCH", &path, &json!({}))
        .assert_error(400, "EMPTY_PATCH_BODY");
    // What is ignored is no field.
    let headers = [("Prefer", "handling=lenient")];
    let answer = api.send_with("PATCH", &path, &headers, &json!({"colour": "red"}));
    answer.assert_error(400, "EMPTY_PATCH_BODY");
    assert_eq!(answer.header("preference-applied"), "handling=lenient");
}

#[test]
fn an_unknown_field_is_named_with_the_one_that_was_meant() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let before = get(&api, &path);
    for (field, meant) in [
        ("client_warranty_end_date", json!("client_warranty_endDate")),
        ("colour", json!("color")),
        ("Name", json!("name")),
        ("mdm", Value::Null),
        ("client_status", Value::Null),
        ("id", Value::Null),
        ("updated_at", Value::Null),
        ("characteristics", Value::Null),
    ] {
        let answer = api.send("PATCH", &path, &json!({field: null, "color": "red"}));
        let body = assert_refused(&answer, 400, &[(field, "unknown_field")]);
        if !meant.is_null() {
            assert_eq!(body["errors"][0]["did_you_mean"], meant, "{body}");
        }
    }
    assert_eq!(get(&api, &path), before);
}

#[test]
fn a_lenient_client_may_send_back_more_than_is_known() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let body = json!({"colour": "red", "color": "blue", "client_status": "ARCHIVED", "id": 7});
    let headers = [("Prefer", "handling=lenient")];
    let answer = api.send_with("PATCH", &path, &headers, &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("preference-applied"), "handling=lenient");
    let shown = get(&api, &path);
    assert_eq!(shown["characteristics"]["color"], "blue");
    assert_eq!(shown["client_status"], "AVAILABLE");
    assert_eq!(shown["id"], 1);
    let strict = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_eq!(strict.header("preference-applied"), "");
}

#[test]
fn every_problem_of_a_patch_is_told_at_once() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let holder = api.create_device(json!({"serial_number": "TAKEN-1"}));
    let path = new_path(&api, json!({}));
    let before = get(&api, &path);
    let body = json!({
        "name": null, "type": "phone", "color": 1, "has_webcam": "perhaps",
        "client_purchase_price": "much", "client_purchase_date": "yesterday",
        "keyboard_layout": "DVORAK", "compliance": ["CE", 1], "colour": "red",
        "user_id": ada + 100, "serial_number": "taken-1",
    });
    let answer = api.send("PATCH", &path, &body);
    assert_eq!(answer.status, 400, "{}", answer.text);
    let refusal = answer.json();
    let entries = refusal["errors"].as_array().unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                entry["field"].as_str().unwrap(),
                entry["reason"].as_str().unwrap(),
            )
        })
        .collect();
    for expected in [
        ("name", "not_nullable"),
        ("type", "immutable_field"),
        ("color", "wrong_type"),
        ("client_purchase_price", "malformed"),
        ("client_purchase_date", "malformed"),
        ("keyboard_layout", "not_in_enum"),
        ("compliance", "wrong_type"),
        ("colour", "unknown_field"),
        ("user_id", "unknown_user"),
        ("serial_number", "already_exists"),
    ] {
        assert!(told.contains(&expected), "{expected:?} in {told:?}");
    }
    assert!(told.iter().any(|(field, _)| *field == "has_webcam"));
    assert_eq!(told.len(), 11, "{told:?}");
    assert_eq!(refusal["errors_total"], 11);
    let of = |name: &str| entries.iter().find(|entry| entry["field"] == name).unwrap();
    assert_eq!(of("serial_number")["existing_device_id"], holder);
    assert_eq!(of("serial_number")["pointer"], "/serial_number");
    assert_eq!(of("compliance")["pointer"], "/compliance/1");
    assert_eq!(get(&api, &path), before);
}

#[test]
fn a_rental_that_would_end_before_its_start_is_told_beside_what_is_unknown_or_taken() {
    let api = Api::start();
    api.create_device(json!({"serial_number": "TAKEN-1"}));
    let path = new_path(&api, json!({"client_rental_startDate": "2024-03-01"}));
    let body = json!({"client_rental_endDate": "2024-02-29", "user_id": 999,
        "serial_number": "taken-1"});
    assert_refused(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("user_id", "unknown_user"),
            ("serial_number", "already_exists"),
        ],
    );
}

#[test]
fn a_rental_that_would_end_before_the_start_in_the_same_patch_is_told_beside_its_shape() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let body = json!({"client_rental_startDate": "2024-03-02",
        "client_rental_endDate": "2024-03-01", "color": 1});
    assert_refused(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("color", "wrong_type"),
        ],
    );
}

#[test]
fn a_rental_that_would_end_before_the_stored_start_is_told_beside_the_shape_of_the_patch() {
    let api = Api::start();
    let path = new_path(&api, json!({"client_rental_startDate": "2024-03-01"}));
    let body = json!({"client_rental_endDate": "2024-02-29", "color": 1});
    assert_refused(
        &api.send("PATCH", &path, &body),
        400,
        &[
            ("client_rental_endDate", "ends_before_start"),
            ("color", "wrong_type"),
        ],
    );
}

#[test]
fn only_an_unknown_user_is_404_and_beside_others_400() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.create_workspace("globex");
    let stranger = api.add_user("globex", "stranger@example.com");
    let path = new_path(&api, json!({"user_id": ada}));
    for (body, field) in [
        (json!({"user_id": stranger}), "user_id"),
        (json!({"user_id": stranger + 100}), "user_id"),
        (json!({"user_id": i64::MAX}), "user_id"),
        (json!({"user_email": "stranger@example.com"}), "user_email"),
        (json!({"user_email": "nobody@example.com"}), "user_email"),
    ] {
        let answer = api.send("PATCH", &path, &body);
        let refusal = assert_refused(&answer, 404, &[(field, "unknown_user")]);
        assert_eq!(refusal["error"], "INVALID_USER", "{body}");
        assert_eq!(refusal["errors"][0]["code"], "INVALID_USER", "{body}");
    }
    for (body, field) in [
        (json!({"user_id": 0}), "user_id"),
        (json!({"user_id": -1}), "user_id"),
        (json!({"user_id": "1"}), "user_id"),
        (json!({"user_id": 1.5}), "user_id"),
        (json!({"user_email": "no address"}), "user_email"),
        (json!({"user_email": 1}), "user_email"),
        (
            json!({"user_email": format!("{}@example.com", "x".repeat(255))}),
            "user_email",
        ),
    ] {
        let answer = api.send("PATCH", &path, &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let reasons = answer.reasons();
        assert_eq!(reasons.len(), 1, "{body}: {}", answer.text);
        assert_eq!(reasons[0].1, field, "{body}");
    }
    assert_eq!(get(&api, &path)["user_id"], ada);
}

#[test]
fn the_assignee_is_named_by_number_or_by_address_and_taken_away_by_null() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let bob = api.add_user("acme", "bob@example.com");
    // The same address in another workspace is another user.
    api.create_workspace("globex");
    api.add_user("globex", "ada@example.com");
    let path = new_path(&api, json!({}));
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
fn a_number_and_an_address_of_two_users_are_a_mismatch() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.add_user("acme", "bob@example.com");
    let path = new_path(&api, json!({}));
    let before = get(&api, &path);
    let body = json!({"user_id": ada, "user_email": "bob@example.com"});
    let answer = api.send("PATCH", &path, &body);
    let refusal = assert_refused(&answer, 400, &[("user_email", "user_mismatch")]);
    assert_eq!(refusal["error"], "INVALID_USER");
    let body = json!({"user_id": ada, "user_email": "bob@example.com", "color": 1});
    let answer = api.send("PATCH", &path, &body);
    assert_refused(
        &answer,
        400,
        &[("user_email", "user_mismatch"), ("color", "wrong_type")],
    );
    let body = json!({"user_id": ada + 100, "user_email": "nobody@example.com"});
    let answer = api.send("PATCH", &path, &body);
    assert_refused(
        &answer,
        404,
        &[("user_id", "unknown_user"), ("user_email", "unknown_user")],
    );
    assert_eq!(get(&api, &path), before);
}

#[test]
fn what_is_said_of_a_device_counts_before_its_assignee() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, json!({}));
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
        let answer = api.send("PATCH", &path, &json!({ "lifecycle": word }));
        assert_refused(&answer, 400, &[("lifecycle", "not_in_enum")]);
    }
}

#[test]
fn a_devices_own_serial_number_is_no_conflict_however_it_is_spelled() {
    let api = Api::start();
    let path = new_path(&api, json!({"serial_number": "Abc-1"}));
    for serial in ["Abc-1", "aBC-1", " ABC-1 ", "ａbc-1"] {
        let shown = patch(&api, &path, &json!({ "serial_number": serial }));
        assert_eq!(shown["serial_number"], serial.trim());
    }
    let found = api.list("/devices?serial_number=abc-1");
    assert_eq!(found["meta"]["total"], 1);
}

#[test]
fn a_serial_number_moves_from_one_device_to_another_in_two_steps() {
    let api = Api::start();
    let one = api.create_device(json!({"serial_number": "MOVES-1"}));
    let (one_path, other_path) = (format!("/devices/{one}"), new_path(&api, json!({})));
    let take = json!({"serial_number": "moves-1"});
    let refused = api.send("PATCH", &other_path, &take);
    let refusal = assert_refused(&refused, 400, &[("serial_number", "already_exists")]);
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
        let answer = api.send("PATCH", &one_path, &json!({ "serial_number": placeholder }));
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!(answer.json()["error"], "INVALID_SERIAL_NUMBER");
    }
}

#[test]
fn of_devices_that_want_one_serial_number_at_once_one_gets_it() {
    let api = Api::start();
    let paths: Vec<_> = (0..8).map(|_| new_path(&api, json!({}))).collect();
    let body = json!({"serial_number": "WANTED-1"});
    let statuses = race(paths.len(), |racer| {
        until_there_is_room(|| api.send("PATCH", &paths[racer], &body)).status
    });
    let won = statuses.iter().filter(|status| **status == 200).count();
    let lost = statuses.iter().filter(|status| **status == 400).count();
    assert_eq!((won, lost), (1, 7), "{statuses:?}");
    let found = api.list("/devices?serial_number=WANTED-1");
    assert_eq!(found["meta"]["total"], 1);
}

/// Asks again as long as there is no room, as clients are told to.
fn until_there_is_room(ask: impl Fn() -> Answer) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = ask();
        if answer.status != 503 || Instant::now() > deadline {
            return answer;
        }
    }
}

#[test]
fn a_rental_does_not_end_before_the_start_that_is_stored() {
    let api = Api::start();
    let fields =
        json!({"client_rental_startDate": "2024-03-01", "client_rental_endDate": "2025-03-01"});
    let path = new_path(&api, fields);
    let before = get(&api, &path);
    for body in [
        json!({"client_rental_endDate": "2024-02-29"}),
        json!({"client_rental_startDate": "2025-03-02"}),
        json!({"client_rental_startDate": "2026-01-02", "client_rental_endDate": "2026-01-01"}),
    ] {
        let answer = api.send("PATCH", &path, &body);
        assert_refused(
            &answer,
            400,
            &[("client_rental_endDate", "ends_before_start")],
        );
    }
    assert_eq!(get(&api, &path), before);
    for body in [
        json!({"client_rental_endDate": "2024-03-01"}),
        json!({"client_rental_startDate": "2026-01-01", "client_rental_endDate": "2026-01-02"}),
        json!({"client_rental_startDate": null}),
        json!({"client_rental_endDate": "2001-01-01"}),
        json!({"client_rental_startDate": "2030-01-01", "client_rental_endDate": null}),
    ] {
        patch(&api, &path, &body);
    }
}

#[test]
fn what_is_no_id_is_a_bad_parameter() {
    let api = Api::start();
    api.create_device(json!({}));
    for id in [
        "0", "042", "01", "-1", "+1", "abc", "1.0", "1e0", "0x1", "1%20", "%201", "1%00", "1,2",
        "1%2F", "%D9%A1", "%FF", "1;a=b", "1:", "*", "null", "%25",
    ] {
        let path = format!("/devices/{id}");
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = api.send(method, &path, &json!({"color": "red"}));
            answer.assert_parameters_refused(&["device_id"], &format!("{method} {path}"));
        }
        assert_eq!(api.ask("HEAD", &path).status, 400, "{path}");
    }
    for path in ["/devices/", "/devices/1/", "/devices//1", "/devices/1/2"] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = api.send(method, path, &json!({"color": "red"}));
            answer.assert_error(404, "NOT_FOUND");
        }
    }
    assert_eq!(get(&api, "/devices/1")["client_status"], "AVAILABLE");
}

#[test]
fn a_digit_that_is_percent_encoded_is_that_digit() {
    // RFC 3986, 6.2.2.2: what need not be encoded is the same encoded.
    let api = Api::start();
    api.create_device(json!({}));
    let (plain, encoded) = (api.ask("GET", "/devices/1"), api.ask("GET", "/devices/%31"));
    assert_eq!(encoded.status, 200, "{}", encoded.text);
    assert_eq!(encoded.text, plain.text);
}

#[test]
fn an_id_beyond_64_bits_is_unknown() {
    let api = Api::start();
    for id in [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551617",
        "99999999999999999999999999999999999999999",
    ] {
        for method in ["GET", "PATCH", "DELETE"] {
            let answer = api.send(method, &format!("/devices/{id}"), &json!({"color": "red"}));
            answer.assert_error(404, "DEVICE_NOT_FOUND");
        }
    }
    let answer = api.ask("GET", &format!("/devices/{}", "9".repeat(2_000)));
    answer.assert_error(404, "DEVICE_NOT_FOUND");
}

#[test]
fn another_workspaces_device_is_as_unknown_as_none_byte_by_byte() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let foreign = api.create_device_as(&globex, json!({"serial_number": "THEIRS-1"}));
    let gone = api.create_device_as(&globex, json!({}));
    let path = |id: i64| format!("/devices/{id}");
    assert_eq!(api.ask_as(&globex, "DELETE", &path(gone)).status, 200);
    let before = api.ask_as(&globex, "GET", &path(foreign));
    let theirs = before.header("etag").to_owned();
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
        vec![("If-Match", theirs.as_str())],
        vec![("If-Match", "*")],
    ] {
        let ask = |method, id| api.ask_with(method, &path(id), &headers).comparable();
        let change = |id, body| {
            let answer = api.send_with("PATCH", &path(id), &headers, body);
            answer.comparable()
        };
        for id in [foreign, gone] {
            for method in ["GET", "HEAD", "DELETE"] {
                let (of_theirs, of_none) = (ask(method, id), ask(method, gone + 1));
                assert_eq!(of_theirs, of_none, "{method} {headers:?}");
                assert_eq!(of_none.0, 404, "{method}: {of_none:?}");
            }
            for body in &bodies {
                let of_theirs = change(id, body);
                let of_none = change(gone + 1, body);
                assert_eq!(of_theirs, of_none, "{body} {headers:?}");
            }
        }
        let unknown = change(gone + 1, &bodies[0]);
        assert_eq!(unknown.1, r#"{"error":"DEVICE_NOT_FOUND"}"#);
        assert_eq!(unknown.0, 404);
    }
    let headers = [("If-None-Match", theirs.as_str())];
    let answer = api.ask_with("GET", &path(foreign), &headers);
    answer.assert_error(404, "DEVICE_NOT_FOUND");
    let after = api.ask_as(&globex, "GET", &path(foreign));
    assert_eq!(after.text, before.text);
}

#[test]
fn who_has_the_device_already_is_not_sent_it_again() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let old = tag(&api, &path);
    assert_eq!(tag(&api, &path), old, "it stays as long as the device does");
    let known = |tags: &str| api.ask_with("GET", &path, &[("If-None-Match", tags)]);
    let weak = format!("W/{old}");
    let listed = format!("\"other\", {old} , W/\"another\"");
    for tags in [old.as_str(), &weak, &listed, "*"] {
        let answer = known(tags);
        assert_eq!(answer.status, 304, "{tags}");
        assert_eq!(answer.text, "", "{tags}");
        assert_eq!(answer.header("etag"), old, "{tags}");
        assert!(!answer.header("x-request-id").is_empty(), "{tags}");
        let head = api.ask_with("HEAD", &path, &[("If-None-Match", tags)]);
        assert_eq!(head.status, 304, "{tags}");
    }
    let two_lines = [
        ("If-None-Match", "\"other\""),
        ("If-None-Match", old.as_str()),
    ];
    assert_eq!(api.ask_with("GET", &path, &two_lines).status, 304);
    for tags in ["\"other\"", "W/\"other\"", "\"\"", "\"a\", \"b\""] {
        let answer = known(tags);
        assert_eq!(answer.status, 200, "{tags}");
        assert_eq!(answer.header("etag"), old, "{tags}");
    }
    let patched = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_ne!(patched.header("etag"), old);
    assert_eq!(known(&old).status, 200);
    assert_eq!(known(patched.header("etag")).status, 304);
}

#[test]
fn a_change_is_made_only_to_what_was_seen() {
    let api = Api::start();
    let path = new_path(&api, json!({"color": "red"}));
    let change = |tags: &str, color: &str| {
        let body = json!({ "color": color });
        api.send_with("PATCH", &path, &[("If-Match", tags)], &body)
    };
    let old = tag(&api, &path);
    let other = new_path(&api, json!({}));
    let of_another = tag(&api, &other);
    let weak = format!("W/{old}");
    for tags in ["\"other\"", "\"\"", &weak, &of_another, "\"a\", \"b\""] {
        let answer = change(tags, "blue");
        answer.assert_error(412, "PRECONDITION_FAILED");
        let answer = api.ask_with("DELETE", &path, &[("If-Match", tags)]);
        answer.assert_error(412, "PRECONDITION_FAILED");
    }
    assert_eq!(tag(&api, &path), old);

    let answer = change(&old, "blue");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let new = answer.header("etag").to_owned();
    assert_eq!(tag(&api, &path), new);
    change(&old, "green").assert_error(412, "PRECONDITION_FAILED");
    let answer = change(&format!("\"other\", {old},{new}"), "green");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(change("*", "white").status, 200);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "white");

    let answer = api.ask_with("DELETE", &path, &[("If-Match", &new)]);
    answer.assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(get(&api, &path)["client_status"], "AVAILABLE");
    let newest = tag(&api, &path);
    let answer = api.ask_with("DELETE", &path, &[("If-Match", &newest)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn the_tag_of_another_device_of_the_same_batch_does_not_hold() {
    let api = Api::start();
    api.create_devices([json!({}), json!({})]);
    let of_the_first = tag(&api, "/devices/1");
    assert_ne!(tag(&api, "/devices/2"), of_the_first);
    let headers = [("If-Match", of_the_first.as_str())];
    let body = json!({"color": "red"});
    let patched = api.send_with("PATCH", "/devices/2", &headers, &body);
    patched.assert_error(412, "PRECONDITION_FAILED");
    let deleted = api.ask_with("DELETE", "/devices/2", &headers);
    deleted.assert_error(412, "PRECONDITION_FAILED");
}

#[test]
fn tags_in_two_headers_are_one_list() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    let headers = [("If-Match", "\"other\""), ("If-Match", own.as_str())];
    let answer = api.send_with("PATCH", &path, &headers, &json!({"color": "red"}));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn an_if_match_that_cannot_be_read_is_a_bad_request() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    let bare = own.trim_matches('"').to_owned();
    let half_open = format!("\"{bare}");
    let beside = format!("{own}, nonsense");
    let mut otherwise = Vec::new();
    for tags in [
        "nonsense",
        &bare,
        &half_open,
        &beside,
        "*, \"a\"",
        "w/\"a\"",
        "\"a\" \"b\"",
        "'a'",
    ] {
        let headers = [("If-Match", tags)];
        let body = json!({"comment": format!("Changed for {tags}")});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let is_told = patched.status == 400 && patched.text.contains("If-Match");
        if !is_told {
            otherwise.push((tags, patched.status, patched.text));
        }
    }
    assert_eq!(otherwise, []);
}

#[test]
fn an_if_match_that_cannot_be_read_or_holds_nothing_changes_nothing() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    let bare = own.trim_matches('"');
    for tags in ["", ",", "nonsense", bare, "'a'", "W/*", "\"*\"", "**"] {
        let headers = [("If-Match", tags)];
        let body = json!({"color": "red"});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let deleted = api.ask_with("DELETE", &path, &headers);
        for answer in [patched, deleted] {
            assert!([400, 412].contains(&answer.status), "{tags}: {answer:?}");
        }
    }
    assert_eq!(tag(&api, &path), own);
}

#[test]
fn an_if_none_match_that_cannot_be_read_shows_the_device() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    for tags in ["", "nonsense", own.trim_matches('"'), "\"half"] {
        let answer = api.ask_with("GET", &path, &[("If-None-Match", tags)]);
        assert!([200, 400].contains(&answer.status), "{tags}: {answer:?}");
    }
}

#[test]
fn what_device_management_reports_is_new_to_readers_and_no_change_to_writers() {
    let api = Api::start();
    let path = new_path(&api, json!({"serial_number": "SN-100"}));
    let old = tag(&api, &path);
    let before = get(&api, &path);
    assert_eq!(before["mdm"], Value::Null);
    let reported = report(&api, "sn-100", "ENROLLED");
    assert_eq!(reported.status, 201, "{}", reported.text);

    let answer = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["mdm"]["status"], "ENROLLED");
    assert_ne!(answer.header("etag"), old);
    let body = json!({"color": "red"});
    let answer = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["mdm"]["status"], "ENROLLED");
    let answer = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    answer.assert_error(412, "PRECONDITION_FAILED");

    let old = tag(&api, &path);
    let reported = report(&api, "SN-100", "UNENROLLED");
    assert_eq!(reported.status, 200, "{}", reported.text);
    let answer = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(answer.json()["data"]["mdm"]["status"], "UNENROLLED");
    let answer = api.ask_with("DELETE", &path, &[("If-Match", &old)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["mdm"], Value::Null);
}

#[test]
fn another_name_of_the_assignee_is_new_to_readers_and_no_change_to_writers() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, json!({"user_id": ada}));
    let old = tag(&api, &path);
    let rename = json!({"first_name": "Ada", "last_name": "Lovelace-King"});
    let renamed = api.send("PATCH", &format!("/users/{ada}"), &rename);
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let answer = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["user"]["first_name"], "Ada");
    let body = json!({"color": "red"});
    let answer = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn a_patch_of_the_serial_number_shows_the_enrolment_of_the_new_one() {
    let api = Api::start();
    for serial in ["SN-100", "SN-200"] {
        let path = format!("/mdm/enrollments/{serial}");
        let report = json!({"status": "ENROLLED", "local_name": format!("Name of {serial}")});
        assert_eq!(api.send("PUT", &path, &report).status, 201);
    }
    let path = new_path(&api, json!({"serial_number": "SN-100"}));
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
fn a_deleted_device_is_archived_shown_and_changed_no_more() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let reported = report(&api, "C02XL0GSJGH5", "ENROLLED");
    assert_eq!(reported.status, 201);
    let path = new_path(&api, complete(ada));
    let before = get(&api, &path);
    assert_eq!(before["mdm"]["status"], "ENROLLED");
    let deleted = api.ask("DELETE", &path);
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let mut expected = before.clone();
    expected["client_status"] = json!("ARCHIVED");
    expected["mdm"] = Value::Null;
    let snapshot = deleted.json()["data"].clone();
    assert!(snapshot["updated_at"].as_str() > before["updated_at"].as_str());
    expected["updated_at"] = snapshot["updated_at"].clone();
    assert_eq!(snapshot, expected);

    api.ask("DELETE", &path)
        .assert_error(404, "DEVICE_NOT_FOUND");
    let answer = api.send("PATCH", &path, &json!({"color": "red"}));
    answer.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
    let answer = api.send("PATCH", &path, &json!({"color": "black"}));
    answer.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
    let shown = api.ask("GET", &path);
    assert_eq!(shown.status, 200);
    assert_eq!(shown.json()["data"], snapshot);
    let etag = shown.header("etag");
    assert!(!etag.is_empty());
    let answer = api.ask_with("GET", &path, &[("If-None-Match", etag)]);
    assert_eq!(answer.status, 304);
    let answer = api.ask_with("DELETE", &path, &[("If-Match", etag)]);
    answer.assert_error(404, "DEVICE_NOT_FOUND");
}

#[test]
fn the_serial_number_of_a_deleted_device_is_free_again() {
    let api = Api::start();
    let path = new_path(&api, json!({"serial_number": "AGAIN-1"}));
    let reported = report(&api, "AGAIN-1", "ENROLLED");
    assert_eq!(reported.json()["data"]["device_id"], 1);
    assert_eq!(api.ask("DELETE", &path).status, 200);
    let enrolments = api.list("/mdm/enrollments");
    assert_eq!(enrolments["data"][0]["device_id"], Value::Null);
    let second = new_path(&api, json!({"serial_number": "again-1"}));
    assert_eq!(get(&api, &second)["mdm"]["status"], "ENROLLED");
    let archived = get(&api, &path);
    assert_eq!(archived["serial_number"], "AGAIN-1");
    assert_eq!(archived["mdm"], Value::Null);
    assert_eq!(api.ask("DELETE", &second).status, 200);
    let third = new_path(&api, json!({}));
    let shown = patch(&api, &third, &json!({"serial_number": "AGAIN-1"}));
    assert_eq!(shown["mdm"]["status"], "ENROLLED");
}

#[test]
fn patches_of_different_fields_at_once_lose_nothing() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
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
                let answer = until_there_is_room(|| api.send("PATCH", path, &body));
                assert_eq!(answer.status, 200, "{}", answer.text);
                assert_eq!(member(&answer.json()["data"], field), body[field]);
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
fn of_two_changes_to_what_was_seen_exactly_one_is_made() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    for round in 0..10 {
        let seen = tag(&api, &path);
        let mut answers = race(2, |racer| {
            let who = ["one", "other"][racer];
            let body = json!({"comment": format!("Round {round} of {who}")});
            let answer = api.send_with("PATCH", &path, &[("If-Match", &seen)], &body);
            (answer.status, body["comment"].clone())
        });
        answers.sort_by_key(|(status, _)| *status);
        let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(get(&api, &path)["comment"], answers[0].1);
    }
}

#[test]
fn of_several_deletions_at_once_exactly_one_is_made() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let mut statuses = race(4, |_| {
        until_there_is_room(|| api.ask("DELETE", &path)).status
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404, 404, 404]);
}

#[test]
fn a_body_that_is_no_object_of_fields_is_refused() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let before = api.ask("GET", &path).text;
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
        let answer = api.send_text("PATCH", &path, body);
        assert_eq!(answer.status, 400, "{case}: {}", answer.text);
        let reasons: Vec<_> = answer
            .reasons()
            .into_iter()
            .map(|(index, _, reason)| (index, reason))
            .collect();
        assert_eq!(reasons, [(Value::Null, reason.to_owned())], "{case}");
    }
    assert_eq!(api.ask("GET", &path).text, before);
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let answer = api.send_text("PATCH", &path, b"{\"color\":\"\xff\"}".to_vec());
    assert_eq!(answer.status, 400, "{}", answer.text);
    let reasons = answer.reasons();
    assert_eq!(reasons.len(), 1, "{}", answer.text);
    assert_eq!(reasons[0].0, Value::Null);
}

#[test]
fn a_patch_is_json_by_its_content_type_and_no_longer_than_a_body_may_be() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__BODY_BYTES", 10_000));
    let path = new_path(&api, json!({}));
    let before = api.ask("GET", &path).text;
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
        Some("application/merge-patch+json"),
        Some("application/jsonx"),
    ] {
        let answer = send_as(content_type, body.clone());
        answer.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let json = Some("application/json");
    let long = json!({"comment": "x".repeat(10_000)}).to_string();
    send_as(json, long).assert_error(413, "PAYLOAD_TOO_LARGE");
    let long_comment = json!({"comment": "x".repeat(9_900)}).to_string();
    assert_eq!(api.ask("GET", &path).text, before);
    assert_eq!(send_as(json, long_comment).status, 200);
    let with_charset = send_as(Some("application/json; charset=utf-8"), body);
    assert_eq!(with_charset.status, 200, "{}", with_charset.text);
}

#[test]
fn texts_and_lists_have_the_limits_that_they_have_in_a_new_device() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    for (body, field, reason) in [
        (json!({"name": "x".repeat(256)}), "name", "too_long"),
        (
            json!({"comment": "x".repeat(10_001)}),
            "comment",
            "too_long",
        ),
        (
            json!({"compliance": vec!["a"; 51]}),
            "compliance",
            "too_many_items",
        ),
        (
            json!({"compliance": ["x".repeat(101)]}),
            "compliance",
            "too_long",
        ),
        (
            json!({"client_purchase_price": "-1"}),
            "client_purchase_price",
            "negative",
        ),
        (
            json!({"client_rental_price": "1.999"}),
            "client_rental_price",
            "too_many_decimals",
        ),
        (
            json!({"brand": "a\u{202e}b"}),
            "brand",
            "bidirectional_override",
        ),
    ] {
        let answer = api.send("PATCH", &path, &body);
        assert_refused(&answer, 400, &[(field, reason)]);
    }
    patch(
        &api,
        &path,
        &json!({"name": "é".repeat(255), "comment": "🖥".repeat(10_000),
            "compliance": vec!["x".repeat(100); 50]}),
    );
}

#[test]
fn a_read_key_changes_nothing_whatever_it_sends() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
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

#[test]
fn other_methods_are_told_which_there_are() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    for method in ["POST", "PUT"] {
        let answer = api.send(method, &path, &json!({}));
        answer.assert_error(405, "METHOD_NOT_ALLOWED");
        let mut allowed: Vec<_> = answer.header("allow").split(", ").collect();
        allowed.sort_unstable();
        assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH"]);
    }
}

#[test]
fn head_answers_like_get_without_the_body() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    for path in [path.as_str(), "/devices/999", "/devices/abc"] {
        let (get, head) = (api.ask("GET", path), api.ask("HEAD", path));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.stable_headers(), get.stable_headers(), "{path}");
    }
}

#[test]
fn the_audit_trail_tells_what_was_done_to_a_device_and_to_which_fields() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, json!({"color": "black"}));
    let headers = [("X-Request-Id", "repaint-17")];
    let body = json!({"color": "red", "name": "Painted one", "client_rental_endDate": "2030-01-01",
        "brand": null});
    assert_eq!(api.send_with("PATCH", &path, &headers, &body).status, 200);
    patch(&api, &path, &json!({"user_email": "ada@example.com"}));
    patch(&api, &path, &json!({"user_id": null}));
    // What is refused, or changes nothing, is not told.
    assert_eq!(api.send("PATCH", &path, &json!({"color": 1})).status, 400);
    assert_eq!(
        api.send("PATCH", &path, &json!({"user_id": ada + 9}))
            .status,
        404
    );
    assert_eq!(
        api.send("PATCH", &path, &json!({"color": "red"})).status,
        200
    );
    let outdated = api.ask_with("DELETE", &path, &[("If-Match", "\"x\"")]);
    assert_eq!(outdated.status, 412);
    assert_eq!(api.ask("DELETE", &path).status, 200);
    assert_eq!(api.ask("DELETE", &path).status, 404);
    assert_eq!(
        api.send("PATCH", &path, &json!({"color": "blue"})).status,
        403
    );

    let events = api.events();
    let of_devices = events
        .iter()
        .filter(|event| event["device_ids"] != json!([]));
    let told: Vec<_> = of_devices
        .map(|event| {
            let mut fields: Vec<_> = event["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| field.as_str().unwrap())
                .collect();
            fields.sort_unstable();
            assert_eq!(event["device_ids"], json!([1]));
            assert_eq!(event["key_id"], 1);
            (event["action"].as_str().unwrap(), fields)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("CREATED", vec![]),
            ("UPDATED", vec!["client_rental_endDate", "color", "name"]),
            ("UPDATED", vec!["user_id"]),
            ("UPDATED", vec!["user_id"]),
            ("DELETED", vec![]),
        ]
    );
    let repaint = events
        .iter()
        .find(|event| event["request_id"] == "repaint-17");
    assert_eq!(repaint.unwrap()["action"], "UPDATED");
    // Names alone: no value is kept.
    assert!(!json!(events).to_string().contains("Painted one"));
}
