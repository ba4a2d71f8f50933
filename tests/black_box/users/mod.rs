//! Users: the assignees of devices.

mod assignment;
mod audit;
mod create;
mod delete;
mod folding;
mod get;
mod list;
mod patch;
mod validation;

use devices_domain::{Field, Format, user_fields};
use devices_tests::{Api, Response};
use serde_json::{Value, json};

const GRACE: &str = "grace@acme.test";

/// Returns the names of the fields that accept any text.
fn text_fields() -> Vec<&'static str> {
    user_fields()
        .iter()
        .filter(|field| matches!(field.format(), Format::Text { .. }))
        .map(Field::name)
        .collect()
}

/// Returns a user with every field.
fn complete_user() -> Value {
    let members = user_fields().iter().map(|field| {
        let value = match (field.name(), field.format()) {
            ("phone", _) => json!("+33 1 23 45 67 89"),
            ("departure_date", _) => json!("2025-01-31"),
            (_, Format::Date) => json!("2024-02-29"),
            (_, Format::Email) => json!("Grace@Acme.test"),
            (_, Format::OneOf(words)) => json!(words.last()),
            (name, Format::Text { .. }) => json!(format!("Hopper's {name}")),
            (name, shape) => panic!("{name}: {shape:?}"),
        };
        (field.name().to_owned(), value)
    });
    Value::Object(members.collect())
}

/// Creates a user with this email address and these other fields. Returns the created user.
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

fn status_and_body(response: &Response) -> (u16, String) {
    (response.status, response.text.clone())
}
