//! `POST /users`.

use devices_tests::{Api, race};
use serde_json::{Map, Value, json};

use super::{GRACE, TEXTS, create, every_field};

#[test]
fn a_user_needs_nothing_but_an_address() {
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
fn every_field_of_a_user_comes_back_as_it_was_sent() {
    let api = Api::start();
    let answer = api.send("POST", "/platform/v1/users", &every_field());
    assert_eq!(answer.status, 201, "{}", answer.text);
    let mut expected = every_field();
    expected["id"] = json!(1);
    assert_eq!(answer.json(), json!({ "data": expected }));
    assert_eq!(api.list("/users/1"), json!({ "data": expected }));
    assert_eq!(api.list("/users")["data"], json!([expected]));
}

#[test]
fn null_and_empty_text_say_nothing_of_a_user_and_text_is_trimmed() {
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
fn the_longest_values_of_a_user_are_taken() {
    let api = Api::start();
    let email = format!("{}@{}", "x".repeat(200), "y".repeat(54));
    let texts = TEXTS.map(|field| (field.to_owned(), json!("é".repeat(255))));
    let created = create(&api, &email, Value::Object(texts.into_iter().collect()));
    assert_eq!(created["email"], email);
    assert_eq!(created["position"], "é".repeat(255));
}

#[test]
fn an_address_is_free_in_other_workspaces_and_again_once_its_user_is_deleted() {
    let api = Api::start();
    api.create_workspace("globex");
    api.add_user("globex", GRACE);
    let first = create(&api, GRACE, json!({}))["id"].clone();
    assert_eq!(api.ask("DELETE", &format!("/users/{first}")).status, 200);
    let second = create(&api, "GRACE@acme.test", json!({}))["id"].clone();
    assert_ne!(first, second);
    let answer = api.send("POST", "/users", &json!({ "email": GRACE }));
    let entry = answer.assert_field_refused("email", "already_exists", "again");
    assert_eq!(entry["existing_user_id"], second);
}

#[test]
fn of_users_with_one_address_that_are_created_at_once_one_wins() {
    let api = Api::start();
    let answers = race(8, |racer| {
        let email = ["grace@acme.test", "GRACE@acme.test"][racer % 2];
        api.send("POST", "/users", &json!({ "email": email }))
    });
    let (created, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(created.len(), 1, "{answers:?}");
    let id = &created[0].json()["data"]["id"];
    for answer in refused {
        let entry = answer.assert_field_refused("email", "already_exists", "race");
        assert_eq!(&entry["existing_user_id"], id);
    }
}
