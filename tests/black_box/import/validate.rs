//! Plans of files.

use std::collections::BTreeSet;

use devices_tests::{Api, Form, ServerOptions};
use serde_json::{Value, json};

use super::{HEADER, error_locations, import, plan, valid_rows};
use crate::openapi::assert_matches_schema;

const ROWS: [&str; 3] = [
    "SN-00001,Laptop 00001,laptop,computers",
    "N/A,Laptop 00002,laptop,computers",
    "SN-00001,,laptop,computers",
];

#[test]
fn plan_describes_file_columns_and_errors() {
    let api = Api::start();
    let header = format!("{HEADER},Room");
    let rows = ROWS.map(|row| format!("{row},B-204"));
    let rows = rows.each_ref().map(String::as_str);
    let planned = plan(&api, Form::of_csv(&header, &rows));
    assert_matches_schema(&planned, "ImportPlan");
    assert_eq!(
        planned["file"],
        json!({
            "kind": "csv", "sheet": null, "sheets": null, "encoding": "UTF-8", "delimiter": ",",
            "header_row": 1, "rows": 3,
        })
    );
    assert_eq!(
        planned["columns"][4],
        json!({
            "column": "E", "header": "Room", "name": "Room", "samples": ["B-204"], "field": null,
            "by": null,
        })
    );
    assert_eq!(planned["columns"][1]["samples"][0], "Laptop 00001");
    assert_eq!(planned["missing"], json!([]));
    assert_eq!(planned["warnings"][0]["column"], "E");
    assert_eq!(
        planned["plan"],
        json!({
            "rows": 3, "create": 1, "update": 0, "unchanged": 0, "skip": 0, "fail": 2,
            "create_users": 0,
        })
    );
    let errors = error_locations(&planned);
    assert!(errors.contains(&json!([1, 3, "A", "serial_number", "placeholder"])));
    assert!(errors.contains(&json!([2, 4, "A", "serial_number", "duplicate"])));
    assert!(errors.contains(&json!([2, 4, "B", "name", "required"])));
    for error in planned["errors"].as_array().unwrap() {
        assert_matches_schema(error, "ImportRowError");
        let message = error["message"].as_str().unwrap();
        assert!(!message.contains("SN-00001"), "{message}");
    }
}

#[test]
fn missing_fields_are_listed() {
    let api = Api::start();
    let form = Form::of_csv("Serial Number,Model", &["SN-00001,Latitude 5440"]);
    let planned = plan(&api, form);
    assert_eq!(planned["missing"], json!(["name", "type", "category"]));
    assert_eq!(planned["plan"]["fail"], 1);
    let message = planned["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("no column provides it"), "{message}");
}

#[test]
fn plan_stores_nothing() {
    let api = Api::start();
    let counts = || {
        ["devices", "users", "device_events", "idempotency_keys"]
            .map(|table| api.database.count(table))
    };
    let sequences = "SELECT coalesce(last_value, 0)::text FROM pg_sequences ORDER BY sequencename";
    let before = (counts(), api.database.texts(sequences));
    let headers = [("Idempotency-Key", "job-1")];
    let path = "/devices/import/validate";
    let response = api.send_form_with(path, &headers, valid_rows(3));
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!((counts(), api.database.texts(sequences)), before);
}

/// Returns a form with rows that no other number has, rows that match the stored devices, and rows
/// that fail for their own values.
fn agreement_form(number: usize, options: &Value) -> Form {
    let header = format!("{HEADER},Asset Tag,E-Mail");
    let rows = [
        format!("SN-1{number},Laptop 1,laptop,computers,AT-1{number},new{number}@example.com"),
        format!("SN-2{number},Laptop 2,laptop,computers,AT-2{number},NEW{number}@example.com"),
        format!("SN-3{number},Laptop 3,laptop,computers,,other{number}@example.com"),
        format!("SN-00001,Renamed {number},laptop,computers,AT-00001,ada@example.com"),
        "SN-00002,Laptop 00002,laptop,computers,AT-00002,".to_owned(),
        "N/A,Laptop 4,laptop,computers,,ada@example.com".to_owned(),
        "SN-00001,,laptop,computers,,grace@example.com".to_owned(),
    ];
    let rows = rows.each_ref().map(String::as_str);
    Form::of_csv(&header, &rows).with_options(options)
}

#[test]
fn plan_agrees_with_the_import() {
    let options = ServerOptions::with("DEVICES__LIMITS__USERS_PER_WORKSPACE", 5);
    let api = Api::start_with(&options);
    let limit = ["workspace", "limit", "acme", "--devices", "13"];
    assert_eq!(devices_tests::run(&api.database, &limit).code, 0);
    api.add_user("acme", "ada@example.com");
    for (serial_number, asset_tag) in [("SN-00001", "AT-00001"), ("SN-00002", "AT-00002")] {
        let device = json!({"serial_number": serial_number, "asset_tag": asset_tag});
        api.create_device(device);
    }
    let mut reasons = BTreeSet::new();
    for (number, options) in [
        json!({"atomic": false}),
        json!({"atomic": false, "on_conflict": "skip"}),
        json!({"atomic": false, "on_conflict": "update"}),
        json!({"atomic": false, "on_conflict": "update", "nulls": "clear"}),
        json!({"atomic": false, "unknown_users": "create"}),
        json!({"atomic": false, "on_conflict": "skip", "unknown_users": "leave_out"}),
        json!({"atomic": false, "on_conflict": "update", "match": "asset_tag",
               "unknown_users": "create"}),
        json!({"atomic": false, "on_conflict": "update", "unknown_users": "create"}),
        json!({"atomic": false, "unknown_users": "leave_out"}),
    ]
    .iter()
    .enumerate()
    {
        reasons.extend(assert_plan_agrees(&api, || agreement_form(number, options)));
    }
    // The forms reach both limits.
    for reason in ["device_limit", "user_quota", "unknown_user", "duplicate"] {
        assert!(reasons.contains(reason), "{reason} not in {reasons:?}");
    }
}

/// Plans a file and imports it. Returns the reasons of its errors.
fn assert_plan_agrees(api: &Api, form: impl Fn() -> Form) -> Vec<String> {
    let planned = plan(api, form());
    let users = api.database.count("users");
    let stored = import(api, form());
    assert_eq!(stored.status, 207, "{}", stored.text);
    let stored = &stored.json()["data"];
    for (plan, result) in [
        ("create", "created"),
        ("update", "updated"),
        ("unchanged", "unchanged"),
        ("skip", "skipped"),
        ("fail", "failed"),
    ] {
        let (planned, stored) = (&planned["plan"][plan], &stored["batch"][result]);
        assert_eq!(planned, stored, "{plan}");
    }
    let created_users = api.database.count("users") - users;
    assert_eq!(planned["plan"]["create_users"], created_users);
    let failed = stored["results"].as_array().unwrap().iter();
    let in_results = failed.flat_map(|row| {
        let errors = row["errors"].as_array().unwrap().clone();
        errors.into_iter().map(move |mut error| {
            error["index"] = row["index"].clone();
            error["row"] = row["row"].clone();
            error
        })
    });
    let in_results: Vec<Value> = in_results.collect();
    let reasons = in_results.iter().map(|error| error["reason"].as_str());
    let reasons = reasons.map(|reason| reason.unwrap().to_owned()).collect();
    assert_eq!(planned["errors"], json!(in_results));
    reasons
}

#[test]
fn every_rejected_row_has_an_error() {
    let api = Api::start();
    let rows: Vec<_> = (0..1_500)
        .map(|number| format!("None,,laptop {number},"))
        .collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    let planned = plan(&api, Form::of_csv(HEADER, &rows));
    assert_eq!(planned["plan"]["fail"], 1_500);
    let errors = planned["errors"].as_array().unwrap();
    let with_error: BTreeSet<_> = errors
        .iter()
        .map(|error| error["row"].as_u64().unwrap())
        .collect();
    assert_eq!(with_error.len(), 1_500);
}
