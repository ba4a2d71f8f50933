//! `POST /users`.

use devices_domain::user_fields;
use devices_tests::{Api, race};
use serde_json::{Map, Value, json};

use super::{GRACE, complete_user, create, text_fields};

#[test]
fn user_requires_only_an_email() {
    let api = Api::start();
    let created = create(&api, GRACE, json!({}));
    let mut expected = json!({"id": 1});
    for field in user_fields() {
        expected[field.name()] = Value::Null;
    }
    expected["email"] = json!(GRACE);
    expected["role"] = json!("EMPLOYEE");
    assert_eq!(created, expected);
    for prefix in ["", "/platform/v1"] {
        assert_eq!(
            api.get_json(&format!("{prefix}/users/1")),
            json!({ "data": created })
        );
    }
}

#[test]
fn user_response_has_every_field() {
    let api = Api::start();
    let response = api.send("POST", "/platform/v1/users", &complete_user());
    assert_eq!(response.status, 201, "{}", response.text);
    let mut expected = complete_user();
    expected["id"] = json!(1);
    assert_eq!(response.json(), json!({ "data": expected }));
    assert_eq!(api.get_json("/users/1"), json!({ "data": expected }));
    assert_eq!(api.get_json("/users")["data"], json!([expected]));
}

#[test]
fn null_and_blank_user_fields_mean_absent() {
    let api = Api::start();
    let mut empty = Map::new();
    let optional = user_fields().iter().filter(|field| !field.is_required());
    for field in optional {
        empty.insert(field.name().to_owned(), Value::Null);
    }
    let created = create(&api, GRACE, empty.clone().into());
    assert_eq!(created["role"], "EMPLOYEE");
    for field in text_fields() {
        empty.insert(field.to_owned(), json!(""));
    }
    let created = create(&api, "  alan@acme.test ", empty.into());
    assert_eq!(created["email"], "alan@acme.test");
    assert_eq!(created["position"], Value::Null);
    let created = create(&api, "a@b", json!({"first_name": " Zoé\u{3000}"}));
    assert_eq!(created["first_name"], "Zoé");
}

#[test]
fn longest_user_values_are_accepted() {
    let api = Api::start();
    let email = format!("{}@{}", "x".repeat(200), "y".repeat(54));
    let names = text_fields().into_iter();
    let texts = names.map(|name| (name.to_owned(), json!("é".repeat(255))));
    let created = create(&api, &email, Value::Object(texts.collect()));
    assert_eq!(created["email"], email);
    assert_eq!(created["position"], "é".repeat(255));
}

#[test]
fn email_is_free_elsewhere_and_after_deletion() {
    let api = Api::start();
    api.create_workspace("globex");
    api.add_user("globex", GRACE);
    let first = create(&api, GRACE, json!({}))["id"].clone();
    assert_eq!(api.call("DELETE", &format!("/users/{first}")).status, 200);
    let second = create(&api, "GRACE@acme.test", json!({}))["id"].clone();
    assert_ne!(first, second);
    let response = api.send("POST", "/users", &json!({ "email": GRACE }));
    let entry = response.assert_field_rejected("email", "already_exists", "again");
    assert_eq!(entry["existing_user_id"], second);
}

#[test]
fn concurrent_creations_claim_email_once() {
    let api = Api::start();
    let responses = race(8, |racer| {
        let email = ["grace@acme.test", "GRACE@acme.test"][racer % 2];
        api.send("POST", "/users", &json!({ "email": email }))
    });
    let (created, rejected): (Vec<_>, Vec<_>) = responses
        .iter()
        .partition(|response| response.status == 201);
    assert_eq!(created.len(), 1, "{responses:?}");
    let id = &created[0].json()["data"]["id"];
    for response in rejected {
        let entry = response.assert_field_rejected("email", "already_exists", "race");
        assert_eq!(&entry["existing_user_id"], id);
    }
}
