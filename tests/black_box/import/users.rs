//! Users that rows name.

use devices_tests::{Api, Form};
use serde_json::json;

use super::{error_locations, import, plan};

fn assigned(unknown_users: &str) -> Form {
    let header = "Name,Type,Category,E-Mail";
    let rows = [
        "Laptop 00001,laptop,computers,ada@example.com",
        "Laptop 00002,laptop,computers,grace@example.com",
        "Laptop 00003,laptop,computers,Grace@Example.com",
    ];
    Form::of_csv(header, &rows).with_options(&json!({"unknown_users": unknown_users}))
}

#[test]
fn unknown_user_rejects_the_file() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let rejected = import(&api, assigned("error"));
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    assert_eq!(rejected.json()["error"], "INVALID_USER");
    assert_eq!(
        error_locations(&rejected.json()),
        [
            json!([1, 3, "D", "user_email", "unknown_user"]),
            json!([2, 4, "D", "user_email", "unknown_user"]),
        ]
    );
}

#[test]
fn unknown_user_can_be_created() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let planned = plan(&api, assigned("create"));
    assert_eq!(planned["plan"]["create_users"], 1);
    assert_eq!(api.database.count("users"), 1);
    assert_eq!(import(&api, assigned("create")).status, 201);
    assert_eq!(api.database.count("users"), 2);
    let devices = api.get_json("/devices?search=grace@example.com");
    assert_eq!(devices["meta"]["total"], 2);
}

#[test]
fn unknown_user_can_be_left_out() {
    let api = Api::start();
    assert_eq!(import(&api, assigned("leave_out")).status, 201);
    assert_eq!(api.database.count("users"), 0);
    assert_eq!(api.database.count("devices"), 3);
}

#[test]
fn batch_cannot_create_users() {
    let api = Api::start();
    let batch = json!({"devices": []});
    let response = api.send("POST", "/devices?unknown_users=create", &batch);
    response.assert_parameter_rejected("unknown_users", "unknown_field", "POST /devices");
}
