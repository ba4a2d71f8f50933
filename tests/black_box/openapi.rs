//! `openapi.yaml`, compared with responses. `openapi_fields` compares it with the domain.

use std::collections::BTreeSet;

use devices_tests::{Api, Form, Response, ServerOptions, device, send};
use serde_json::{Value, json};

const YAML: &str = include_str!("../../openapi.yaml");

const OVERLAY: &str = include_str!("../../scripts/contract-overlay.yaml");

/// Returns the whole description.
pub(crate) fn description() -> Value {
    serde_yaml_ng::from_str(YAML).unwrap()
}

/// Returns the description with the additions for `make contract`.
pub(crate) fn strict_description() -> Value {
    let mut description = description();
    let overlay: Value = serde_yaml_ng::from_str(OVERLAY).unwrap();
    merge_patch(&mut description, &overlay);
    description
}

/// Applies a JSON merge patch (RFC 7396, section 2).
fn merge_patch(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in members {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge_patch(&mut target[name], value);
        }
    }
}

/// Returns a schema by name. Panics if it is absent.
pub(crate) fn schema(name: &str) -> Value {
    let schema = description()["components"]["schemas"][name].clone();
    assert!(schema.is_object(), "{name}");
    schema
}

/// Returns the items of a list of texts.
pub(crate) fn words(value: &Value) -> BTreeSet<String> {
    let words = value
        .as_array()
        .unwrap_or_else(|| panic!("not a list: {value}"));
    let text = |word: &Value| word.as_str().unwrap().to_owned();
    words.iter().map(text).collect()
}

/// Returns the member names of an object.
pub(crate) fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

/// Asserts that a response has all members that the schema requires, and no unknown ones.
pub(crate) fn assert_matches_schema(actual: &Value, name: &str) {
    assert_has_members(actual, &schema(name), name);
}

/// Asserts the same for a schema of the overlay.
fn assert_matches_strict_schema(actual: &Value, name: &str) {
    let described = &strict_description()["components"]["schemas"][name];
    assert_has_members(actual, described, name);
}

fn assert_has_members(actual: &Value, described: &Value, name: &str) {
    let members = names(actual);
    let known = names(&described["properties"]);
    let required = words(&described["required"]);
    assert!(members.is_subset(&known), "{name}: {actual}");
    assert!(members.is_superset(&required), "{name}: {actual}");
}

#[test]
fn responses_match_schemas() {
    let api = Api::start();
    api.database.execute(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status)
         VALUES (1, 'SN1', 'SN1', 'ENROLLED')",
    );
    let created = api.post(&json!([device(json!({"serial_number": "SN1"}))]));
    assert_eq!(created.status, 201);
    let created = created.json();
    let created_device = &created["data"]["devices"][0];
    assert_eq!(
        names(created_device),
        words(&schema("CreatedDevice")["required"])
    );
    assert_eq!(
        names(&created_device["characteristics"]),
        words(&schema("Characteristics")["required"])
    );
    assert_eq!(
        names(&created_device["mdm"]),
        words(&schema("Enrollment")["required"])
    );

    let user = api.send("POST", "/users", &json!({"email": "ada@example.com"}));
    assert_eq!(
        names(&user.json()["data"]),
        words(&schema("User")["required"])
    );
    api.send(
        "PATCH",
        "/devices/1",
        &json!({"user_email": "ada@example.com"}),
    );
    let listed = api.get_json("/devices");
    assert_eq!(names(&listed["meta"]), words(&schema("Meta")["required"]));
    let listed = &listed["data"][0];
    assert_eq!(names(listed), words(&schema("Device")["required"]));
    assert_eq!(
        names(&listed["user"]),
        words(&schema("Assignee")["required"])
    );
    let enrollments = api.get_json("/mdm/enrollments");
    let required = words(&schema("EnrollmentRecord")["required"]);
    assert_eq!(names(&enrollments["data"][0]), required);

    let rejected = api.post(&json!([
        device(json!({"serial_number": "SN1", "row_ref": "A-17"})),
        device(json!({"serial_number": "SN1", "colour": "red", "compliance": [1]})),
    ]));
    let taken = api.send("POST", "/users", &json!({"email": "ADA@example.com"}));
    let mut members = BTreeSet::new();
    for response in [rejected, taken, api.call("GET", "/devices?limt=1")] {
        assert_eq!(response.status, 400);
        let report = response.json();
        assert_matches_schema(&report, "ErrorResponse");
        assert_matches_strict_schema(&report, "Report");
        for entry in report["errors"].as_array().unwrap() {
            assert_matches_schema(entry, "RowError");
            members.extend(names(entry));
        }
    }
    assert_eq!(members, names(&schema("RowError")["properties"]));
}

/// Returns the target of a `$ref`, or the value itself.
fn resolve(description: &Value, value: &Value) -> Value {
    match value["$ref"].as_str() {
        Some(reference) => description
            .pointer(reference.trim_start_matches('#'))
            .cloned()
            .unwrap_or_else(|| panic!("{reference} does not exist")),
        None => value.clone(),
    }
}

/// Calls `visit` with the target of every `$ref`.
fn visit_references(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                visit(reference);
            }
            members
                .values()
                .for_each(|member| visit_references(member, visit));
        }
        Value::Array(items) => items.iter().for_each(|item| visit_references(item, visit)),
        _ => {}
    }
}

#[test]
fn references_exist_and_components_are_used() {
    for description in [description(), strict_description()] {
        let mut used = BTreeSet::new();
        visit_references(&description, &mut |reference| {
            let target = description.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some(), "{reference} does not exist");
            used.insert(reference.to_owned());
        });
        for kind in ["parameters", "headers", "responses"] {
            for name in names(&description["components"][kind]) {
                let reference = format!("#/components/{kind}/{name}");
                assert!(used.contains(&reference), "{reference} is not used");
            }
        }
    }
}

#[test]
fn all_statuses_have_examples() {
    let description = description();
    let statuses = |method: &str, path: &str| {
        let responses = &description["paths"][path][method]["responses"];
        names(responses).into_iter().collect::<Vec<_>>().join(" ")
    };
    for (method, path, described) in [
        (
            "post",
            "/devices",
            "200 201 207 400 401 403 404 405 408 409 413 415 422 429 500 503",
        ),
        (
            "post",
            "/devices/validate",
            "200 400 401 403 404 405 408 413 415 429 500 503",
        ),
        (
            "post",
            "/devices/import",
            "200 201 207 400 401 403 405 408 409 413 415 422 429 500 503",
        ),
        (
            "post",
            "/devices/import/validate",
            "200 400 401 403 405 406 408 413 415 429 500 503",
        ),
        (
            "get",
            "/batches/{batch_id}",
            "200 400 401 404 405 429 500 503",
        ),
        (
            "post",
            "/batches/{batch_id}/undo",
            "200 400 401 403 404 405 408 413 415 429 500 503",
        ),
        ("get", "/events", "200 400 401 405 410 429 500 503"),
        ("get", "/keys", "200 400 401 403 405 429 500 503"),
        (
            "post",
            "/keys",
            "201 400 401 403 405 408 413 415 429 500 503",
        ),
        (
            "delete",
            "/keys/{key_id}",
            "200 400 401 403 404 405 429 500 503",
        ),
        (
            "post",
            "/keys/{key_id}/rotate",
            "201 400 401 403 404 405 408 413 415 429 500 503",
        ),
        ("get", "/devices", "200 400 401 405 429 500 503"),
        (
            "patch",
            "/devices/{device_id}",
            "200 400 401 403 404 405 408 412 413 415 429 500 503",
        ),
        ("get", "/devices/export", "200 400 401 405 406 429 500 503"),
    ] {
        assert_eq!(statuses(method, path), described, "{method} {path}");
    }
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !operation["operationId"].is_string() || !operation["security"].is_null() {
                continue;
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                let case = format!("{method} {path} {status}");
                let response = resolve(&description, response);
                let content = response["content"].as_object();
                for content in content.into_iter().flat_map(|content| content.values()) {
                    let examples = content["examples"].as_object();
                    assert!(
                        examples.is_some_and(|examples| !examples.is_empty()),
                        "{case}"
                    );
                }
                assert!(content.is_some() || status == "304", "{case}");
                assert!(
                    names(&response["headers"]).contains("X-Request-Id"),
                    "{case}"
                );
            }
        }
    }
}

/// Returns the first example of the response to `POST /devices` with this status.
fn example_error(status: u16) -> Value {
    let description = description();
    let response = &description["paths"]["/devices"]["post"]["responses"][status.to_string()];
    let response = resolve(&description, response);
    let examples = response["content"]["application/json"]["examples"].as_object();
    examples.unwrap().values().next().unwrap()["value"].clone()
}

#[test]
fn error_responses_match_examples() {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    let body = json!({"devices": [device(json!({}))]}).to_string();
    let post = || api.request("POST", "/devices").body(body.clone());
    let with_type = || post().header("Content-Type", "application/json");
    let responses: [(u16, Response); 4] = [
        (401, send(with_type())),
        (403, send(with_type().bearer_auth(&read))),
        (405, send(api.request("PUT", "/devices"))),
        (415, send(post().bearer_auth(&api.key))),
    ];
    for (status, response) in responses {
        assert_eq!(response.status, status);
        assert_eq!(response.json(), example_error(status), "{status}");
    }
}

#[test]
fn request_examples_are_accepted() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    for (path, status) in [("/devices/validate", 200), ("/devices", 201)] {
        let content = &description()["paths"][path]["post"]["requestBody"]["content"];
        let examples = content["application/json"]["examples"].as_object().cloned();
        for (name, example) in examples.unwrap() {
            let response = api.send_text("POST", path, example["value"].to_string());
            assert_eq!(response.status, status, "{path} {name}: {}", response.text);
        }
    }
}

#[test]
fn form_examples_are_accepted() {
    let api = Api::start();
    for (path, status) in [("/devices/import/validate", 200), ("/devices/import", 201)] {
        let content = &description()["paths"][path]["post"]["requestBody"]["content"];
        let examples = content["multipart/form-data"]["examples"]
            .as_object()
            .cloned();
        for (name, example) in examples.unwrap() {
            let response = api.send_form(path, Form::of_texts(&example["value"]));
            assert_eq!(response.status, status, "{path} {name}: {}", response.text);
        }
    }
}

#[test]
fn description_is_served_as_yaml_and_json() {
    let api = Api::start();
    let yaml = api.get_without_key("/openapi.yaml");
    assert_eq!(yaml.text, YAML);
    assert_eq!(yaml.header("content-type"), "application/yaml");
    let json = api.get_without_key("/openapi.json");
    assert_eq!(json.header("content-type"), "application/json");
    let from_yaml: serde_json::Value = serde_yaml_ng::from_str(&yaml.text).unwrap();
    assert_eq!(json.json(), from_yaml);
}

#[test]
fn description_keeps_the_order_of_the_file() {
    let json = Api::start().get_without_key("/openapi.json").text;
    let paths = &json[json.find(r#""paths":"#).unwrap()..];
    let is_path = |line: &&str| line.starts_with("  /");
    let keys = YAML.lines().filter(is_path);
    let positions: Vec<_> = keys
        .map(|key| {
            paths
                .find(&format!(r#""{}":{{"#, key.trim().trim_end_matches(':')))
                .unwrap()
        })
        .collect();
    assert!(
        positions.len() > 5 && positions.is_sorted(),
        "{positions:?}"
    );
    let methods = ["get", "patch", "delete"].map(|method| {
        let device = &paths[paths.find("/devices/{device_id}").unwrap()..];
        device.find(&format!(r#""{method}":{{"#)).unwrap()
    });
    assert!(methods.is_sorted(), "{methods:?}");
}

#[test]
fn docs_page_loads_no_external_assets() {
    let api = Api::start();
    // The client follows the redirect to `/docs/`.
    assert_eq!(api.get_without_key("/docs").status, 200);
    let page = api.get_without_key("/docs/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(!page.text.contains("//"), "{}", page.text);
    let mut links = page.text.split(['"', '\'']);
    let script = links.find(|value| value.starts_with("rapidoc")).unwrap();
    let script = api.get_without_key(&format!("/docs/{script}"));
    assert_eq!(script.status, 200);
    assert!(script.header("content-type").starts_with("text/javascript"));
    assert_eq!(script.header("content-encoding"), "gzip");
    assert_eq!(api.get_without_key("/docs/unknown.js").status, 404);
}

#[test]
fn root_returns_links_that_work() {
    let api = Api::start();
    let root = api.get_without_key("/");
    assert_eq!(root.status, 200);
    assert_eq!(root.header("vary"), "Accept");
    let root = root.json();
    assert_eq!(root["name"], "Fleet Devices");
    assert_eq!(root["version"], env!("CARGO_PKG_VERSION"));
    for (name, link) in root["links"].as_object().unwrap() {
        let path = format!("/{}", link.as_str().unwrap());
        assert_eq!(api.call("GET", &path).status, 200, "{name}");
    }
}

#[test]
fn root_redirects_browsers_to_the_docs_page() {
    // With the console, it leads there.
    let api = Api::start_with(&ServerOptions::with("DEVICES__WEB__ENABLED", "false"));
    // Sent by Chromium. The test client follows the redirect.
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = send(api.request("GET", "/").header("accept", accept));
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("<rapi-doc"));
}
