//! The schemas of batches and events in `openapi.yaml`, compared with responses.

use std::collections::BTreeSet;

use devices_tests::{Api, Response, device};
use serde_json::{Value, json};

use crate::openapi::{assert_matches_schema, names, schema, strict_description, words};

const UPDATE: &str = "on_conflict=update&atomic=false";
const SKIP: &str = "on_conflict=skip&atomic=false";

/// Returns rows that reach every result, given a stored device with the serial number `SN1`.
fn rows() -> Value {
    json!([
        device(json!({"serial_number": "SN2", "row_ref": "A-17"})),
        {"serial_number": "SN1", "comment": "In the storage room"},
        {"serial_number": "SN3"},
        {"serial_number": "none", "colour": "red", "compliance": [1], "asset_tag": "IT-1"},
        device(json!({"serial_number": "SN4", "asset_tag": "IT-1"})),
        device(json!({"serial_number": "SN2"})),
        device(json!({"serial_number": "SN5", "asset_tag": "IT-3"})),
    ])
}

/// Starts a server with the devices that `rows` match.
fn start() -> Api {
    let api = Api::start();
    let known = ["SN1", "SN3"].map(|serial| json!({ "serial_number": serial }));
    api.create_devices(known);
    api.create_device(json!({"asset_tag": "IT-3"}));
    api
}

fn post(api: &Api, path: &str, query: &str, rows: &Value) -> Response {
    api.send(
        "POST",
        &format!("{path}?{query}"),
        &json!({ "devices": rows }),
    )
}

/// Returns the members that the overlay allows for a row whose `member` has this value.
fn strict_members(name: &str, member: &str, value: &str) -> BTreeSet<String> {
    let schemas = strict_description()["components"]["schemas"].clone();
    let schema = &schemas[name];
    let of_value = |variant: &&Value| {
        let values = &variant["properties"][member];
        values["const"] == value
            || values["enum"]
                .as_array()
                .is_some_and(|values| values.contains(&json!(value)))
    };
    let variants: Vec<&Value> = schema["oneOf"].as_array().unwrap().iter().collect();
    let [variant] = variants
        .iter()
        .copied()
        .filter(of_value)
        .collect::<Vec<_>>()[..]
    else {
        panic!("{name}: {value}");
    };
    let mut allowed = names(&schema["properties"]);
    let not = &variant["not"];
    let excluded = not["anyOf"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![not.clone()]);
    for member in excluded
        .iter()
        .flat_map(|excluded| words(&excluded["required"]))
    {
        allowed.remove(&member);
    }
    assert_eq!(schema["additionalProperties"], false, "{name}");
    allowed
}

/// Asserts that the rows of a response have exactly the members of their results or actions, and
/// that all values of the enumeration `enum_name` occur.
fn assert_rows_match(rows: &[Value], name: &str, member: &str, enum_name: &str) {
    let mut seen = BTreeSet::new();
    for row in rows {
        assert_matches_schema(row, name);
        let value = row[member].as_str().unwrap();
        assert_eq!(names(row), strict_members(name, member, value), "{row}");
        for error in row["errors"].as_array().into_iter().flatten() {
            assert_matches_schema(error, "RowFailure");
        }
        seen.insert(value.to_owned());
    }
    assert_eq!(seen, words(&schema(enum_name)["enum"]));
}

#[test]
fn results_match_schemas() {
    let api = start();
    let updated = post(&api, "/devices", UPDATE, &rows());
    let skipped = post(&api, "/devices", SKIP, &json!([{"serial_number": "SN1"}]));
    let mut results = Vec::new();
    for response in [updated, skipped] {
        assert_eq!(response.status, 207, "{}", response.text);
        let data = &response.json()["data"];
        assert_eq!(names(data), ["batch", "results"].map(str::to_owned).into());
        assert_matches_schema(&data["batch"], "BatchSummary");
        results.extend(data["results"].as_array().unwrap().clone());
    }
    assert_rows_match(&results, "RowResult", "result", "RowOutcome");
    let device = results
        .iter()
        .find(|row| row["result"] == "updated")
        .unwrap();
    assert_matches_schema(&device["device"], "Device");
    let errors = results.iter().filter_map(|row| row["errors"].as_array());
    let members: BTreeSet<String> = errors.flatten().flat_map(names).collect();
    let mut known = names(&schema("RowFailure")["properties"]);
    // Only users have it.
    known.remove("existing_user_id");
    assert_eq!(members, known);
}

#[test]
fn plans_match_schemas() {
    let api = start();
    let mut plan = Vec::new();
    for (query, rows) in [(UPDATE, rows()), (SKIP, json!([{"serial_number": "SN1"}]))] {
        let response = post(&api, "/devices/validate", query, &rows);
        assert_eq!(response.status, 200, "{}", response.text);
        let data = &response.json()["data"];
        assert_matches_schema(data, "BatchPlan");
        plan.extend(data["plan"].as_array().unwrap().clone());
    }
    assert_rows_match(&plan, "RowPlan", "action", "RowAction");
    let changes = plan.iter().filter_map(|row| row["changes"].as_object());
    for change in changes.flat_map(|changes| changes.values()) {
        assert_matches_schema(change, "FieldChange");
    }
}

#[test]
fn row_reference_of_a_created_device_is_described() {
    let api = Api::start();
    let created = api.post(&json!([
        device(json!({"row_ref": "A-17"})),
        device(json!({}))
    ]));
    let created = created.created_devices();
    let described = schema("CreatedDevice");
    assert_eq!(names(&created[0]), names(&described["properties"]));
    assert_eq!(names(&created[1]), words(&described["required"]));
}

#[test]
fn batches_match_schemas() {
    let api = start();
    let batch = post(&api, "/devices", UPDATE, &rows());
    let path = batch.header("location");
    let preview = api.get_json(&format!("{path}/undo"));
    let undone = api.call("POST", &format!("{path}/undo?include_changed=true"));
    let again = api.get_json(&format!("{path}/undo"));
    for undo in [preview, undone.json(), again] {
        let undo = &undo["data"];
        assert_matches_schema(undo, "BatchUndo");
        assert_matches_schema(&undo["not_undone"], "NotUndone");
        for kept in undo["kept"].as_array().unwrap() {
            assert_matches_schema(kept, "KeptDevice");
        }
    }
    let listed = api.get_json("/batches");
    assert_eq!(names(&listed["meta"]), words(&schema("Meta")["required"]));
    for batch in listed["data"].as_array().unwrap() {
        assert_eq!(names(batch), words(&schema("Batch")["required"]));
        assert_eq!(names(&batch["key"]), words(&schema("NamedKey")["required"]));
    }
    let batch = api.get_json(path)["data"].clone();
    assert_eq!(batch, listed["data"][0]);
    let undone_by = names(&batch["undone_by"]);
    assert_eq!(undone_by, words(&schema("NamedKey")["required"]));
}

#[test]
fn events_match_schemas() {
    let api = start();
    let batch = post(&api, "/devices", UPDATE, &rows());
    api.call("POST", &format!("{}/undo", batch.header("location")));
    api.send("POST", "/users", &json!({"email": "ada@example.com"}));
    api.send(
        "PUT",
        "/mdm/enrollments/SN1",
        &json!({"status": "ENROLLED"}),
    );
    let page = api.get_json("/events");
    assert_matches_schema(&page["meta"], "EventPosition");
    let described = schema("FeedEvent");
    let mut seen = BTreeSet::new();
    for event in page["data"].as_array().unwrap() {
        assert_matches_schema(event, "FeedEvent");
        assert_matches_schema(&event["key"], "NamedKey");
        seen.extend(names(event));
    }
    assert_eq!(seen, names(&described["properties"]));
}
