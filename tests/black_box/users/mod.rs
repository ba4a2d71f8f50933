//! Users: the people that devices are given to.

mod assignment;
mod audit;
mod create;
mod delete;
mod get;
mod list;
mod patch;
mod validation;

use devices_tests::{Answer, Api};
use serde_json::{Value, json};

/// The fields that take any text.
const TEXTS: [&str; 6] = [
    "first_name",
    "last_name",
    "phone",
    "phone_country",
    "language",
    "position",
];

const GRACE: &str = "grace@acme.test";

fn every_field() -> Value {
    json!({
        "email": "Grace@Acme.test", "first_name": "Grace", "last_name": "Hopper",
        "phone": "+33 1 23 45 67 89", "phone_country": "FR", "language": "fr-FR",
        "position": "Rear admiral", "role": "ADMIN", "arrival_date": "2024-02-29",
        "departure_date": "2025-01-31",
    })
}

/// Creates a user with these fields beside the address; what is answered.
fn create(api: &Api, email: &str, fields: Value) -> Value {
    let mut body = json!({ "email": email });
    if let Value::Object(fields) = fields {
        body.as_object_mut().unwrap().extend(fields);
    }
    let response = api.send("POST", "/users", &body);
    assert_eq!(response.status, 201, "{body}: {}", response.text);
    response.json()["data"].clone()
}

fn emails(list: &Value) -> Vec<&str> {
    let users = list["data"].as_array().unwrap().iter();
    users.map(|user| user["email"].as_str().unwrap()).collect()
}

/// Status and body of an response.
fn told(response: &Answer) -> (u16, String) {
    (response.status, response.text.clone())
}
