//! Tags and attributes: new devices, patches, filters and exports.

use devices_tests::{Api, Response, device};
use serde_json::{Value, json};

use super::{assert_rejected, create_device_path, get, patch};

/// Returns the pointers, reasons and messages of a rejected request.
fn errors(response: &Response) -> Vec<(String, String, String)> {
    assert_eq!(response.status, 400, "{}", response.text);
    let body = response.json();
    let entries = body["errors"].as_array().unwrap().iter();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    entries
        .map(|entry| {
            (
                text(entry, "pointer"),
                text(entry, "reason"),
                text(entry, "message"),
            )
        })
        .collect()
}

/// Returns the names of the listed devices.
fn listed(api: &Api, query: &str) -> Vec<String> {
    let list = api.get_json(&format!("/devices?{query}"));
    let devices = list["data"].as_array().unwrap().iter();
    devices
        .map(|device| device["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn attributes_are_trimmed_and_returned_sorted() {
    let api = Api::start();
    let sent = json!({" Room ": " B12 ", "Cost center": "4711", "empty": "", "null": null});
    let path = create_device_path(&api, json!({ "attributes": sent }));
    let text = api.call("GET", &path).text;
    assert!(text.contains(r#""attributes":{"Cost center":"4711","Room":"B12"}"#));
    let created = api.database.texts("SELECT attributes FROM devices");
    assert_eq!(created, [r#"{"Room": "B12", "Cost center": "4711"}"#]);
}

#[test]
fn empty_tags_and_attributes_are_null() {
    let api = Api::start();
    api.create_device(json!({"tags": [], "attributes": {}}));
    api.create_device(json!({"tags": "", "attributes": null}));
    let path = create_device_path(&api, json!({"tags": "a", "attributes": {"a": "b"}}));
    patch(
        &api,
        &path,
        &json!({"tags": null, "attributes": {"a": null}}),
    );
    assert_eq!(
        api.database
            .count("devices WHERE tags IS NULL AND attributes IS NULL"),
        3
    );
}

#[test]
fn patch_merges_attributes() {
    let api = Api::start();
    let path = create_device_path(
        &api,
        json!({"attributes": {"Room": "B12", "Owner": "IT", "Rack": "7"}}),
    );
    for (change, expected) in [
        (
            json!({"Room": "C3"}),
            json!({"Room": "C3", "Owner": "IT", "Rack": "7"}),
        ),
        (json!({"Owner": null, "Rack": " "}), json!({"Room": "C3"})),
        (json!({"unknown": null}), json!({"Room": "C3"})),
        (json!({}), json!({"Room": "C3"})),
        (json!({"New": "x", "Room": null}), json!({"New": "x"})),
        (Value::Null, json!({})),
    ] {
        let device = patch(&api, &path, &json!({ "attributes": change }));
        assert_eq!(device["attributes"], expected, "{change}");
    }
    patch(
        &api,
        &path,
        &json!({"attributes": {"a": "1"}, "tags": ["x", "y"]}),
    );
    patch(&api, &path, &json!({"color": "red"}));
    let device = get(&api, &path);
    assert_eq!(device["attributes"], json!({"a": "1"}));
    assert_eq!(device["tags"], json!(["x", "y"]));
    let fields = api
        .database
        .texts("SELECT array_to_string(fields, ',') FROM device_events ORDER BY id");
    assert_eq!(fields[1..4], ["attributes", "attributes", "attributes"]);
    assert_eq!(fields[fields.len() - 2..], ["tags,attributes", "color"]);
}

#[test]
fn merged_attributes_have_at_most_50_keys() {
    let api = Api::start();
    let object = |range: std::ops::Range<usize>, value: Value| {
        let members = range.map(|number| (format!("k{number:02}"), value.clone()));
        Value::Object(members.collect())
    };
    let path = create_device_path(&api, json!({"attributes": object(0..50, json!("x"))}));
    let rejected = api.send("PATCH", &path, &json!({"attributes": {"one more": "x"}}));
    assert_rejected(&rejected, 400, &[("attributes", "too_many_items")]);
    let both = json!({"attributes": {"one more": "x"}, "color": "a\u{7}"});
    let rejected = api.send("PATCH", &path, &both);
    let expected = [
        ("attributes", "too_many_items"),
        ("color", "control_character"),
    ];
    assert_rejected(&rejected, 400, &expected);

    let mut replaced = object(0..50, Value::Null);
    let new = object(50..100, json!("y"));
    let members = replaced.as_object_mut().unwrap();
    members.extend(new.as_object().unwrap().clone());
    let device = patch(&api, &path, &json!({ "attributes": replaced }));
    assert_eq!(device["attributes"], new);
}

#[test]
fn invalid_attributes_are_located_by_key() {
    let api = Api::start();
    let body = r#"{"devices":[{"name":"x","type":"x","category":"x","attributes":{
        "a/b~c":1,"twice":"x","twice ":"y","line\nbreak":"x","nested":{"a":"b"},"\ud83d":"x","":"x"}}]}"#;
    let found = errors(&api.post_text(body));
    let pointers: Vec<_> = found
        .iter()
        .map(|(pointer, reason, _)| (pointer.as_str(), reason.as_str()))
        .collect();
    assert_eq!(
        pointers,
        [
            ("/devices/0/attributes/a~1b~0c", "wrong_type"),
            ("/devices/0/attributes/line\nbreak", "control_character"),
            ("/devices/0/attributes/nested", "wrong_type"),
            ("/devices/0/attributes/\\ud83d", "ill_formed_text"),
            ("/devices/0/attributes/", "empty_item"),
            ("/devices/0/attributes/twice", "repeated_field"),
        ]
    );
    assert_eq!(
        found[0].2,
        r#"devices[0].attributes["a/b~c"] must be a string, not a number"#
    );
    for (value, reason) in [
        (json!("x"), "wrong_type"),
        (json!(["x"]), "wrong_type"),
        (json!({"k".repeat(300): "x"}), "too_long"),
    ] {
        let found = errors(&api.post(&json!([device(json!({ "attributes": value }))])));
        assert_eq!(found[0].0, "/devices/0/attributes");
        assert_eq!(found[0].1, reason);
    }
}

#[test]
fn tag_filters_must_all_match() {
    let api = Api::start();
    api.create_device(json!({"name": "both", "tags": ["loan", "R&D, Paris"], "user_id": null}));
    api.create_device(json!({"name": "loan", "tags": "loan", "comment": "macbook"}));
    api.create_device(json!({"name": "none"}));
    assert_eq!(listed(&api, "tag=loan"), ["loan", "both"]);
    assert_eq!(listed(&api, "tag=%20loan%20&tag=R%26D,%20Paris"), ["both"]);
    assert_eq!(listed(&api, "tag=Loan"), [""; 0]);
    assert_eq!(listed(&api, "tag=loan&search=macbook"), ["loan"]);
    let list = api.call("GET", "/devices?limit=1&tag=loan&tag=loan");
    assert_eq!(list.json()["meta"]["total"], 2);
    assert!(
        list.header("link").contains("tag=loan&tag=loan"),
        "{}",
        list.header("link")
    );
}

#[test]
fn attribute_filters_must_all_match() {
    let api = Api::start();
    let room = |room: &str, owner: &str| json!({"Room": room, "Owner & co": owner});
    api.create_device(json!({"name": "a", "attributes": room("B12", "IT")}));
    api.create_device(json!({"name": "b", "attributes": room("B12", "HR"), "comment": "macbook"}));
    api.create_device(json!({"name": "c"}));
    assert_eq!(listed(&api, "attributes.Room=B12"), ["b", "a"]);
    assert_eq!(
        listed(&api, "attributes.Room=B12&attributes.Owner%20%26%20co=HR"),
        ["b"]
    );
    assert_eq!(listed(&api, "attributes.Room=b12"), [""; 0]);
    assert_eq!(listed(&api, "attributes.room=B12"), [""; 0]);
    assert_eq!(listed(&api, "attributes.Room=B12&search=macbook"), ["b"]);
}

#[test]
fn invalid_inventory_filters_are_rejected() {
    let api = Api::start();
    for (query, field, reason) in [
        ("tag=", "tag", "required"),
        ("tag=x%00", "tag", "control_character"),
        ("attributes.Room=", "attributes.Room", "required"),
        ("attributes.=x", "attributes.", "empty_item"),
        (
            "attributes.%E2%80%8B=x",
            "attributes.\u{200B}",
            "empty_item",
        ),
        ("attributes.%FF=x", "attributes.%FF", "not_utf8"),
        ("attributes.a=%FF", "attributes.a", "not_utf8"),
        (
            "attributes.a=1&attributes.a=1",
            "attributes.a",
            "repeated_field",
        ),
        ("attributes=x", "attributes", "unknown_field"),
        ("tags=x", "tags", "unknown_field"),
    ] {
        let response = api.call("GET", &format!("/devices?{query}"));
        assert_eq!(response.status, 400, "{query}: {}", response.text);
        let body = response.json();
        let entry = &body["errors"][0];
        assert_eq!(entry["field"], field, "{body}");
        assert_eq!(entry["reason"], reason, "{body}");
    }
}

#[test]
fn csv_export_has_a_column_per_attribute_key() {
    let api = Api::start();
    api.create_device(
        json!({"attributes": {"Room": "B12", "a \"b\", c": "=1+1"}, "tags": ["x", "y"]}),
    );
    api.create_device(json!({"attributes": {"Rack": "7"}, "color": "red"}));
    api.create_device(json!({"color": "blue"}));
    let csv = api.page("/devices/export?format=csv").text;
    let header = csv.lines().next().unwrap();
    assert!(header.contains(r#",tags,attributes.Rack,attributes.Room,"attributes.a ""b"", c","#));
    assert!(!header.contains("attributes,"));
    assert!(csv.contains("\"x\ny\",,B12,=1+1,"), "{csv}");
    let filtered = api
        .page("/devices/export?format=csv&attributes.Rack=7")
        .text;
    assert!(filtered.starts_with("name,"));
    assert!(filtered.contains("attributes.Rack,") && !filtered.contains("attributes.Room"));
    let searched = api.page("/devices/export?format=csv&search=xps").text;
    assert!(searched.contains("attributes.Room"));
    let json = api
        .page("/devices/export?format=json&attributes.Rack=7")
        .json();
    assert_eq!(json["devices"][0]["attributes"], json!({"Rack": "7"}));
}

#[test]
fn csv_export_of_too_many_keys_is_rejected() {
    let api = Api::start();
    let devices = (0..21).map(|device| {
        let members = (0..48).map(|key| (format!("{device}-{key}"), json!("x")));
        json!({"attributes": Value::Object(members.collect())})
    });
    api.create_devices(devices);
    let response = api.call("GET", "/devices/export?format=csv");
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["errors"][0]["reason"], "too_many_items");
    assert_eq!(api.call("GET", "/devices/export?format=json").status, 200);
}

#[test]
fn inventory_of_other_workspaces_is_hidden() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.create_device_as(
        &globex,
        json!({"tags": "secret", "attributes": {"Secret": "x"}}),
    );
    api.create_device(json!({"attributes": {"Room": "B12"}}));
    let csv = api.page("/devices/export?format=csv").text;
    assert!(
        csv.contains("attributes.Room") && !csv.contains("Secret"),
        "{csv}"
    );
    assert_eq!(listed(&api, "tag=secret"), [""; 0]);
    assert_eq!(listed(&api, "attributes.Secret=x"), [""; 0]);
}
