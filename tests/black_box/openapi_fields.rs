//! The schemas of fields, enumerations and errors in `openapi.yaml`, compared with the domain.

use std::collections::BTreeSet;

use devices_domain::{
    ClientStatus, EnrollmentStatus, ErrorCode, EventType, Field, Format, KeepReason, Nulls,
    OnConflict, Reason, Role, Source, UniqueField, enrollment_fields, field, fields, user_fields,
};
use serde_json::{Value, json};

use crate::openapi::{description, names, schema, strict_description, words};

fn set<'a>(words: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// Returns the schemas of all requests, with their fields.
fn request_schemas() -> [(&'static str, Vec<Field>); 5] {
    let changeable = fields().iter().filter(|field| !field.is_immutable());
    [
        ("NewDevice", fields().to_vec()),
        ("PatchDevice", changeable.copied().collect()),
        ("NewUser", user_fields().to_vec()),
        ("PatchUser", user_fields().to_vec()),
        ("NewEnrollment", enrollment_fields().to_vec()),
    ]
}

#[test]
fn request_fields_match_domain() {
    for (name, fields) in request_schemas() {
        let described = schema(name);
        let mut expected = set(fields.iter().map(Field::name));
        // Not a field: it is not stored.
        if name == "NewDevice" {
            expected.insert("row_ref".to_owned());
        }
        assert_eq!(names(&described["properties"]), expected, "{name}");
        if name.starts_with("New") {
            let required = fields.iter().filter(|field| field.is_required());
            let required = set(required.map(Field::name));
            assert_eq!(words(&described["required"]), required, "{name}");
        }
    }
}

#[test]
fn only_three_fields_of_a_device_are_required() {
    let required = words(&schema("NewDevice")["required"]);
    assert_eq!(required, set(["name", "type", "category"]));
}

/// Returns the property without its description.
fn type_of(schema_name: &str, field: &str) -> Value {
    let mut property = schema(schema_name)["properties"][field].clone();
    property.as_object_mut().unwrap().remove("description");
    property
}

#[test]
fn request_fields_have_plain_types() {
    let text = json!({"type": ["string", "null"]});
    let id = json!({"type": ["integer", "null"], "format": "int64", "minimum": 1});
    let flag = json!({"type": ["boolean", "null"]});
    let layout = json!({"anyOf": [
        {"$ref": "#/components/schemas/KeyboardLayout"},
        {"type": "null"},
    ]});
    let list = json!({"oneOf": [
        {"$ref": "#/components/schemas/TextOrList"},
        {"type": "null"},
    ]});
    let attributes = json!({
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "null"]},
    });
    for name in ["NewDevice", "PatchDevice"] {
        assert_eq!(type_of(name, "name"), json!({"type": "string"}));
        assert_eq!(type_of(name, "brand"), text);
        assert_eq!(type_of(name, "serial_number"), text);
        assert_eq!(type_of(name, "user_id"), id);
        assert_eq!(type_of(name, "has_webcam"), flag);
        assert_eq!(type_of(name, "keyboard_layout"), layout);
        assert_eq!(type_of(name, "compliance"), list);
        assert_eq!(type_of(name, "attributes"), attributes);
    }
    assert_eq!(type_of("NewDevice", "is_rented"), flag);
    assert_eq!(
        type_of("PatchDevice", "is_rented"),
        json!({"type": "boolean"})
    );
}

#[test]
fn requests_have_no_patterns_and_defaults() {
    for (name, _) in request_schemas() {
        let text = schema(name).to_string();
        for keyword in [
            r#""pattern":"#,
            r#""default":"#,
            r#""additionalProperties":false"#,
        ] {
            assert!(!text.contains(keyword), "{name}: {keyword}");
        }
    }
    let parameters = &description()["components"]["parameters"];
    for (name, parameter) in parameters.as_object().unwrap() {
        // Documentation pages send the example of a parameter unless the reader deletes it.
        for keyword in ["example", "examples"] {
            assert!(parameter[keyword].is_null(), "{name}: {keyword}");
            assert!(parameter["schema"][keyword].is_null(), "{name}: {keyword}");
        }
    }
}

/// Returns the component of the overlay for the format of a field.
fn strict_component(field: &Field) -> &'static str {
    match field.format() {
        Format::Text { .. } if field.is_required() => "Label",
        Format::Text { max_length: 255 } => "Text",
        Format::Text { max_length } => panic!("{max_length}"),
        Format::Lines { .. } => "Comment",
        Format::TextList { .. } => "TextList",
        Format::Attributes { .. } => "Attributes",
        Format::SerialNumber => "SerialNumber",
        Format::AssetTag => "AssetTag",
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
    }
}

#[test]
fn overlay_restricts_every_request_field() {
    let description = strict_description();
    for (name, fields) in request_schemas() {
        let described = &description["components"]["schemas"][name];
        assert_eq!(described["additionalProperties"], false, "{name}");
        assert_eq!(
            described["minProperties"] == 1,
            name.starts_with("Patch"),
            "{name}"
        );
        for field in &fields {
            let property = &described["properties"][field.name()];
            if property["type"] == "boolean" {
                assert!(name.starts_with("Patch") && !field.is_nullable());
                continue;
            }
            let reference = property["$ref"]
                .as_str()
                .or_else(|| property["anyOf"][0]["$ref"].as_str())
                .unwrap_or_else(|| panic!("{name}.{}: {property}", field.name()));
            let expected = format!("#/components/schemas/{}", strict_component(field));
            assert_eq!(reference, expected, "{name}.{}", field.name());
        }
    }
}

#[test]
fn overlay_changes_only_what_exists() {
    let (plain, strict) = (description(), strict_description());
    for pointer in ["/components/parameters", "/components/responses", "/paths"] {
        let members = |description: &Value| names(description.pointer(pointer).unwrap());
        assert_eq!(members(&plain), members(&strict), "{pointer}");
    }
    for (path, item) in strict["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let known = &plain["paths"][path][method];
            assert!(!known.is_null(), "{method} {path}");
            if let Some(responses) = operation.get("responses") {
                let expected = names(&known["responses"]);
                assert_eq!(names(responses), expected, "{method} {path}");
            }
        }
    }
}

/// Returns the values of an enumeration field.
fn enum_words(name: &str) -> Vec<&'static str> {
    match field(name).map(devices_domain::Field::format) {
        Some(Format::OneOf(words)) => words.to_vec(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn enumerations_match_domain() {
    let reasons = Reason::ALL.iter().map(|reason| reason.as_str());
    for (name, domain) in [
        ("AddedVia", set(enum_words("added_via"))),
        ("KeyboardLayout", set(enum_words("keyboard_layout"))),
        ("ClientStatus", set(ClientStatus::NAMES.iter().copied())),
        ("Lifecycle", set(enum_words("lifecycle"))),
        ("Role", set(Role::NAMES.iter().copied())),
        (
            "EnrollmentStatus",
            set(EnrollmentStatus::NAMES.iter().copied()),
        ),
        ("Source", words(&json!([Source::External]))),
        ("OnConflict", set(OnConflict::NAMES.iter().copied())),
        ("Nulls", set(Nulls::NAMES.iter().copied())),
        ("MatchField", set(UniqueField::ALL.map(UniqueField::name))),
        ("KeepReason", set(KeepReason::NAMES.iter().copied())),
        ("EventType", set(EventType::NAMES.iter().copied())),
        (
            "ErrorCode",
            set(ErrorCode::ALL.iter().copied().map(ErrorCode::as_str)),
        ),
        ("Reason", set(reasons)),
    ] {
        assert_eq!(words(&schema(name)["enum"]), domain, "{name}");
    }
}
