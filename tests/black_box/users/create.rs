//! `POST /users`.

use devices_tests::{Api, race};
use serde_json::{Map, Value, json};

use super::{GRACE, TEXTS, create, every_field};

#[test]
fn user_requires_only_an_email() {
    let api = Api::start();
    let created = create(&api, GRACE, json!({}));
    assert_eq!(
        created,
        json!({
            "id": 1, "email": GRACE, "first_name": null, "last_name": null, "phone": null,
            "phone_country": null, "language": null, "position": null, "role": "EMPLOYEE",
            "arrival_date": null, "departure_date": null,
        })
    );
    for prefix in ["", "/platform/v1"] {
        assert_eq!(
            api.list(&format!("{prefix}/users/1")),
            json!({ "data": created })
        );
    }
}

#[test]
fn user_response_has_every_field() {
    let api = Api::start();
    let response = api.send("POST", "/platform/v1/users", &every_field());
    assert_eq!(response.status, 201, "{}", response.text);
    let mut expected = every_field();
    expected["id"] = json!(1);
    assert_eq!(response.json(), json!({ "data": expected }));
    assert_eq!(api.list("/users/1"), json!({ "data": expected }));
    assert_eq!(api.list("/users")["data"], json!([expected]));
}

#[test]
fn null_and_blank_user_fields_mean_absent() {
    let api = Api::start();
    let mut nothing = Map::new();
    let others = ["role", "arrival_date", "departure_date"];
    for field in TEXTS.iter().chain(&others) {
        nothing.insert((*field).to_owned(), Value::Null);
    }
    let created = create(&api, GRACE, nothing.clone().into());
    assert_eq!(created["role"], "EMPLOYEE");
    for field in TEXTS {
        nothing.insert(field.to_owned(), json!(""));
    }
    let created = create(&api, "  alan@acme.test ", nothing.into());
    assert_eq!(created["email"], "alan@acme.test");
    assert_eq!(created["position"], Value::Null);
    let created = create(&api, "a@b", json!({"first_name": " Zoé\u{3000}"}));
    assert_eq!(created["first_name"], "Zoé");
}

#[test]
fn longest_user_values_are_accepted() {
    let api = Api::start();
    let email = format!("{}@{}", "x".repeat(200), "y".repeat(54));
    let texts = TEXTS.map(|field| (field.to_owned(), json!("é".repeat(255))));
    let created = create(&api, &email, Value::Object(texts.into_iter().collect()));
    assert_eq!(created["email"], email);
    assert_eq!(created["position"], "é".repeat(255));
}

#[test]
fn email_is_free_elsewhere_and_after_deletion() {
    let api = Api::start();
    api.create_workspace("globex");
    api.add_user("globex", GRACE);
    let first = create(&api, GRACE, json!({}))["id"].clone();
    assert_eq!(api.ask("DELETE", &format!("/users/{first}")).status, 200);
    let second = create(&api, "GRACE@acme.test", json!({}))["id"].clone();
    assert_ne!(first, second);
    let response = api.send("POST", "/users", &json!({ "email": GRACE }));
    let entry = response.assert_field_refused("email", "already_exists", "again");
    assert_eq!(entry["existing_user_id"], second);
}

#[test]
fn concurrent_creations_claim_email_once() {
    let api = Api::start();
    let responses = race(8, |racer| {
        let email = ["grace@acme.test", "GRACE@acme.test"][racer % 2];
        api.send("POST", "/users", &json!({ "email": email }))
    });
    let (created, refused): (Vec<_>, Vec<_>) = responses
        .iter()
        .partition(|response| response.status == 201);
    assert_eq!(created.len(), 1, "{responses:?}");
    let id = &created[0].json()["data"]["id"];
    for response in refused {
        let entry = response.assert_field_refused("email", "already_exists", "race");
        assert_eq!(&entry["existing_user_id"], id);
    }
}
