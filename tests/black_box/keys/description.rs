//! `openapi.yaml`, compared with the responses about keys.

use serde_json::json;

use super::{Keys, data};
use crate::openapi::{description, names, schema, words};

#[test]
fn responses_match_schemas() {
    let keys = Keys::start();
    let created = keys.create(&json!({"name": "x", "scope": "READ"}));
    let rotated = data(&keys.call("POST", "/keys/3/rotate"), 201);
    let listed = data(&keys.call("GET", "/keys"), 200);
    let revoked = data(&keys.call("DELETE", "/keys/3"), 200);
    for (object, name) in [
        (&created, "CreatedKey"),
        (&rotated, "CreatedKey"),
        (&listed[0], "Key"),
        (&revoked, "Key"),
    ] {
        assert_eq!(names(object), words(&schema(name)["required"]), "{name}");
        assert_eq!(names(object), names(&schema(name)["properties"]), "{name}");
    }
}

#[test]
fn request_examples_are_accepted() {
    let keys = Keys::start();
    let (id, _) = keys.create_scope("READ");
    for (template, path) in [
        ("/keys", "/keys".to_owned()),
        ("/keys/{key_id}/rotate", format!("/keys/{id}/rotate")),
    ] {
        let body = &description()["paths"][template]["post"]["requestBody"];
        let examples = body["content"]["application/json"]["examples"].clone();
        for (name, example) in examples.as_object().unwrap() {
            let response = keys.send("POST", &path, &example["value"]);
            assert_eq!(response.status, 201, "{path} {name}: {}", response.text);
        }
    }
}
