//! The description of the API, against the domain and against what is answered.

use std::collections::BTreeSet;

use devices_domain::{
    ClientStatus, EnrollmentStatus, ErrorCode, Field, Format, Reason, Role, Source,
    enrollment_fields, field, fields, user_fields,
};
use devices_tests::{Answer, Api, device, send};
use serde_json::{Value, json};

const YAML: &str = include_str!("../../openapi.yaml");

fn description() -> Value {
    serde_yaml_ng::from_str(YAML).unwrap()
}

fn schema(name: &str) -> Value {
    let schema = description()["components"]["schemas"][name].clone();
    assert!(schema.is_object(), "{name}");
    schema
}

fn words(value: &Value) -> BTreeSet<String> {
    let words = value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"));
    let text = |word: &Value| word.as_str().unwrap().to_owned();
    words.iter().map(text).collect()
}

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_fields_of_a_new_device_are_those_of_the_domain() {
    let described = schema("NewDevice");
    assert_eq!(described["additionalProperties"], false);
    let all = set(fields().iter().map(|field| field.name()));
    assert_eq!(names(&described["properties"]), all);
    let required = fields().iter().filter(|field| field.required());
    assert_eq!(
        words(&described["required"]),
        set(required.map(|field| field.name()))
    );
    assert_shapes(&described, fields());
}

/// Each field is described by the component that has its shape.
fn assert_shapes(described: &Value, fields: &[Field]) {
    for field in fields {
        let property = &described["properties"][field.name()];
        let refers_to = property["$ref"]
            .as_str()
            .or_else(|| property["anyOf"][0]["$ref"].as_str())
            .unwrap_or_else(|| panic!("{}: {property}", field.name()));
        let component = match field.shape() {
            Format::Text { .. } if field.required() => "Label",
            Format::Text { max_length: 255 } => "Text",
            Format::Text { .. } => "Comment",
            Format::TextList { .. } => "TextList",
            Format::SerialNumber => "SerialNumber",
            Format::Amount => "Amount",
            Format::Date => "Date",
            Format::OneOf(words) if words.contains(&"ONBOARDING") => "AddedVia",
            Format::OneOf(words) if words.contains(&"OUT_OF_SERVICE") => "Lifecycle",
            Format::OneOf(words) if words.contains(&"EMPLOYEE") => "Role",
            Format::OneOf(words) if words.contains(&"ENROLLED") => "EnrollmentStatus",
            Format::OneOf(_) => "KeyboardLayout",
            Format::Boolean => "Flag",
            Format::Id => "UserId",
            Format::Email => "Email",
            Format::Instant => "Instant",
        };
        let expected = format!("#/components/schemas/{component}");
        assert_eq!(refers_to, expected, "{}", field.name());
    }
}

#[test]
fn the_fields_of_other_requests_are_those_of_the_domain() {
    let changeable: Vec<_> = fields()
        .iter()
        .filter(|field| !field.is_immutable())
        .copied()
        .collect();
    for (name, fields) in [
        ("PatchDevice", changeable.as_slice()),
        ("NewUser", user_fields()),
        ("PatchUser", user_fields()),
        ("NewEnrollment", enrollment_fields()),
    ] {
        let described = schema(name);
        assert_eq!(described["additionalProperties"], false, "{name}");
        let all = set(fields.iter().map(|field| field.name()));
        assert_eq!(names(&described["properties"]), all, "{name}");
        if name.starts_with("New") {
            let required = fields.iter().filter(|field| field.required());
            let required = set(required.map(|field| field.name()));
            assert_eq!(words(&described["required"]), required, "{name}");
        }
        assert_shapes(&described, fields);
    }
}

/// The words of a field that takes no others.
fn one_of(name: &str) -> Vec<&'static str> {
    match field(name).map(|field| field.shape()) {
        Some(Format::OneOf(words)) => words.to_vec(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_enumeration_is_that_of_the_domain() {
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    for (name, domain) in [
        ("AddedVia", set(one_of("added_via"))),
        ("KeyboardLayout", set(one_of("keyboard_layout"))),
        ("ClientStatus", set(ClientStatus::WORDS.iter().copied())),
        ("Lifecycle", set(one_of("lifecycle"))),
        ("Role", set(Role::WORDS.iter().copied())),
        (
            "EnrollmentStatus",
            set(EnrollmentStatus::WORDS.iter().copied()),
        ),
        ("Source", words(&json!([Source::External]))),
        ("ErrorCode", set(ErrorCode::ALL.map(ErrorCode::as_str))),
        ("Reason", set(reasons)),
    ] {
        assert_eq!(words(&schema(name)["enum"]), domain, "{name}");
    }
}

/// The answer has just the members that the schema requires and knows.
fn assert_described(answered: &Value, name: &str) {
    let described = schema(name);
    let members = names(answered);
    let known = names(&described["properties"]);
    let required = words(&described["required"]);
    assert!(members.is_subset(&known), "{name}: {answered}");
    assert!(members.is_superset(&required), "{name}: {answered}");
}

#[test]
fn what_is_answered_is_what_is_described() {
    let api = Api::start();
    api.database.execute(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status)
         VALUES (1, 'SN1', 'SN1', 'ENROLLED')",
    );
    let created = api.post(&json!([device(json!({"serial_number": "SN1"}))]));
    assert_eq!(created.status, 201);
    let created = created.json();
    let device_answered = &created["data"]["devices"][0];
    assert_eq!(names(device_answered), words(&schema("Device")["required"]));
    assert_eq!(
        names(&device_answered["characteristics"]),
        words(&schema("Characteristics")["required"])
    );
    assert_eq!(
        names(&device_answered["mdm"]),
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
    let listed = api.list("/devices");
    assert_eq!(names(&listed["meta"]), words(&schema("Meta")["required"]));
    let listed = &listed["data"][0];
    assert_eq!(names(listed), words(&schema("FullDevice")["required"]));
    assert_eq!(
        names(&listed["user"]),
        words(&schema("Assignee")["required"])
    );
    let enrolments = api.list("/mdm/enrollments");
    let required = words(&schema("EnrollmentRecord")["required"]);
    assert_eq!(names(&enrolments["data"][0]), required);

    let refused = api.post(&json!([
        device(json!({"serial_number": "SN1"})),
        device(json!({"serial_number": "SN1", "colour": "red", "compliance": [1]})),
    ]));
    let taken = api.send("POST", "/users", &json!({"email": "ADA@example.com"}));
    let mut shown = BTreeSet::new();
    for refused in [refused, taken, api.ask("GET", "/devices?limt=1")] {
        assert_eq!(refused.status, 400);
        let report = refused.json();
        assert_described(&report, "Refusal");
        for entry in report["errors"].as_array().unwrap() {
            assert_described(entry, "RefusalEntry");
            shown.extend(names(entry));
        }
    }
    assert_eq!(shown, names(&schema("RefusalEntry")["properties"]));
}

/// What a `$ref` refers to, or the value itself.
fn resolved(description: &Value, value: &Value) -> Value {
    match value["$ref"].as_str() {
        Some(reference) => description
            .pointer(reference.trim_start_matches('#'))
            .cloned()
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value.clone(),
    }
}

#[test]
fn every_status_that_is_answered_is_described_with_an_example() {
    let description = description();
    let statuses = |method: &str, path: &str| {
        let responses = &description["paths"][path][method]["responses"];
        names(responses).into_iter().collect::<Vec<_>>().join(" ")
    };
    for (method, path, described) in [
        (
            "post",
            "/devices",
            "201 400 401 403 404 405 408 409 413 415 422 429 500 503",
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
                let response = resolved(&description, response);
                let content = response["content"].as_object();
                for content in content.into_iter().flat_map(|content| content.values()) {
                    let examples = content["examples"].as_object();
                    assert!(examples.is_some_and(|them| !them.is_empty()), "{case}");
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

/// The first example that answers a status.
fn example_error(status: u16) -> Value {
    let description = description();
    let response = &description["paths"]["/devices"]["post"]["responses"][status.to_string()];
    let response = resolved(&description, response);
    let examples = response["content"]["application/json"]["examples"].as_object();
    examples.unwrap().values().next().unwrap()["value"].clone()
}

#[test]
fn the_simple_refusals_answer_what_their_examples_show() {
    let api = Api::start();
    let read = api.create_key("acme", "READ");
    let body = json!({"devices": [device(json!({}))]}).to_string();
    let post = || api.request("POST", "/devices").body(body.clone());
    let with_type = || post().header("Content-Type", "application/json");
    let answers: [(u16, Answer); 4] = [
        (401, send(with_type())),
        (403, send(with_type().bearer_auth(&read))),
        (405, send(api.request("PUT", "/devices"))),
        (415, send(post().bearer_auth(&api.key))),
    ];
    for (status, answer) in answers {
        assert_eq!(answer.status, status);
        assert_eq!(answer.json(), example_error(status), "{status}");
    }
}

#[test]
fn every_example_of_a_request_is_accepted() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let content = &description()["paths"]["/devices"]["post"]["requestBody"]["content"];
    let examples = content["application/json"]["examples"].as_object().cloned();
    for (name, example) in examples.unwrap() {
        let answer = api.post_text(example["value"].to_string());
        assert_eq!(answer.status, 201, "{name}: {}", answer.text);
    }
}

#[test]
fn the_description_is_served_in_both_forms() {
    let api = Api::start();
    let yaml = api.get("/openapi.yaml");
    assert_eq!(yaml.text, YAML);
    assert_eq!(yaml.header("content-type"), "application/yaml");
    let json = api.get("/openapi.json");
    assert_eq!(json.header("content-type"), "application/json");
    let from_yaml: serde_json::Value = serde_yaml_ng::from_str(&yaml.text).unwrap();
    assert_eq!(json.json(), from_yaml);
}

#[test]
fn the_docs_page_loads_nothing_from_elsewhere() {
    let api = Api::start();
    assert_eq!(api.get("/docs").status, 200); // after a redirect
    let page = api.get("/docs/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let attributes = page.text.split(['"', '\'']);
    let assets: Vec<_> = attributes
        .filter(|value| {
            [".js", ".css", ".png"]
                .iter()
                .any(|end| value.ends_with(end))
        })
        .collect();
    assert!(assets.len() >= 4, "{assets:?}");
    for asset in assets {
        assert!(!asset.contains("//"), "{asset}");
        let path = format!("/docs/{}", asset.trim_start_matches("./"));
        assert_eq!(api.get(&path).status, 200, "{path}");
    }
    let start = api.get("/docs/swagger-initializer.js").text;
    assert!(start.contains("/openapi.json"));
    assert!(!start.contains("petstore"));
    assert!(start.contains(r#""validatorUrl": "none""#), "{start}");
}
