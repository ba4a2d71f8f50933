//! Rows that are stored.

use devices_tests::{Api, Form};
use serde_json::json;

use super::{HEADER, error_locations, import, valid_rows};
use crate::openapi::assert_matches_schema;

#[test]
fn file_creates_its_devices() {
    let api = Api::start();
    let form = Form::of_csv(
        "Seriennummer,Gerätename,Hersteller,Kaufdatum,Kaufpreis,Raum",
        &[
            "8ZKQ2G3,LT-0412,Dell,31.05.2024,\"1.299,00 €\",B-204",
            ",Empfang,,,,",
        ],
    )
    .with_options(&json!({
        "columns": {"Gerätename": "name", "Kaufpreis": "client_purchase_price"},
        "defaults": {"type": "laptop", "category": "computers"},
        "other_columns": "attributes",
    }));
    let stored = import(&api, form);
    assert_eq!(stored.status, 201, "{}", stored.text);
    let body = stored.json();
    assert_matches_schema(&body["data"], "Import");
    let batch = &body["data"]["batch"];
    assert_eq!(
        stored.header("location"),
        format!("/batches/{}", batch["id"])
    );
    let counts = json!({
        "id": batch["id"], "rows": 2, "created": 2, "updated": 0, "unchanged": 0, "skipped": 0,
        "failed": 0,
    });
    assert_eq!(*batch, counts);
    assert_eq!(body["data"]["results"], json!([]));
    let columns = &body["data"]["columns"];
    assert_eq!(
        columns[0],
        json!({
            "column": "A", "header": "Seriennummer", "name": "Seriennummer",
            "field": "serial_number", "by": "synonym",
        })
    );
    assert_eq!(columns[1]["by"], "given");
    assert_eq!(columns[5]["field"], "attributes.Raum");
    // The response may be stored for a replay.
    assert!(!stored.text.contains("8ZKQ2G3"), "{}", stored.text);

    let devices = api.get_json("/devices?serial_number=8zkq2g3");
    let device = &devices["data"][0];
    assert_eq!(device["name"], "LT-0412");
    assert_eq!(device["brand"], "Dell");
    assert_eq!(device["client_purchase_date"], "2024-05-31");
    assert_eq!(device["client_purchase_price"], "1299.00");
    assert_eq!(device["attributes"], json!({"Raum": "B-204"}));
    assert_eq!(api.get_json("/devices")["meta"]["total"], 2);
}

/// docs/IMPORT.md states this.
#[test]
fn tags_are_separated_by_line_breaks() {
    let api = Api::start();
    let file = "Name,Type,Category,Tags\n\
                LT-1,laptop,computers,\"loan\r\nParis\"\n\
                LT-2,laptop,computers,a;b\n\
                LT-3,laptop,computers,\"a, b\"\n";
    let stored = import(&api, Form::of_file("devices.csv", file));
    assert_eq!(stored.status, 201, "{}", stored.text);
    let devices = api.get_json("/devices");
    let tags = |name: &str| {
        let mut devices = devices["data"].as_array().unwrap().iter();
        let device = devices.find(|device| device["name"] == name);
        device.unwrap()["tags"].clone()
    };
    assert_eq!(tags("LT-1"), json!(["loan", "Paris"]));
    assert_eq!(tags("LT-2"), json!(["a;b"]));
    assert_eq!(tags("LT-3"), json!(["a, b"]));
}

#[test]
fn both_prefixes_import_files() {
    let api = Api::start();
    let stored = api.send_form("/platform/v1/devices/import", valid_rows(2));
    assert_eq!(stored.status, 201, "{}", stored.text);
    let plan = api.send_form("/platform/v1/devices/import/validate", valid_rows(2));
    assert_eq!(plan.json()["data"]["plan"]["fail"], 2);
}

#[test]
fn matching_rows_change_devices() {
    let api = Api::start();
    assert_eq!(import(&api, valid_rows(2)).status, 201);
    let form = |on_conflict: &str| {
        let rows = [
            "SN-00001,Renamed device,laptop,computers",
            "SN-00002,Laptop 00002,laptop,computers",
            "SN-00003,Laptop 00003,laptop,computers",
        ];
        Form::of_csv(HEADER, &rows).with_options(&json!({"on_conflict": on_conflict}))
    };
    let updated = import(&api, form("update"));
    assert_eq!(updated.status, 200, "{}", updated.text);
    let batch = updated.json()["data"]["batch"].clone();
    assert_eq!(
        [&batch["created"], &batch["updated"], &batch["unchanged"]],
        [1, 1, 1]
    );
    let skipped = import(&api, form("skip"));
    assert_eq!(skipped.status, 200, "{}", skipped.text);
    assert_eq!(skipped.json()["data"]["batch"]["skipped"], 3);
    assert_eq!(skipped.json()["data"]["batch"]["id"], json!(null));
    assert_eq!(skipped.header("location"), "");
}

#[test]
fn rows_can_match_by_asset_tag() {
    let api = Api::start();
    let header = "Asset Tag,Name,Type,Category";
    let options = json!({"on_conflict": "update", "match": "asset_tag"});
    let form = |row: &str| Form::of_csv(header, &[row]).with_options(&options);
    let created = import(&api, form("IT-0001,First name,laptop,computers"));
    assert_eq!(created.json()["data"]["batch"]["created"], 1);
    let updated = import(&api, form("it-0001,Second name,laptop,computers"));
    assert_eq!(updated.json()["data"]["batch"]["updated"], 1);
}

#[test]
fn invalid_row_rejects_the_file() {
    let api = Api::start();
    api.create_device(json!({"serial_number": "SN-TAKEN"}));
    let form = Form::of_csv(
        "Service Tag,Name,Type,Category",
        &[
            "SN-00001,Laptop 00001,laptop,computers",
            "sn-taken,Laptop 00002,laptop,computers",
            ",,,",
            "SN-00001,Laptop 00003,laptop,computers",
            "SN-00004,,laptop,computers",
        ],
    );
    let rejected = import(&api, form);
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    let body = rejected.json();
    assert_eq!(body["error"], "INVALID_SERIAL_NUMBER");
    assert_matches_schema(&body, "ImportErrorResponse");
    assert_eq!(
        error_locations(&body),
        [
            json!([1, 3, "A", "serial_number", "already_exists"]),
            json!([2, 5, "A", "serial_number", "duplicate"]),
            json!([3, 6, "B", "name", "required"]),
        ]
    );
    // The file has row numbers, not indexes.
    assert_eq!(
        body["errors"][1]["message"],
        "Service Tag (`serial_number`) is the same as in row 2 of the file"
    );
    for error in body["errors"].as_array().unwrap() {
        assert_matches_schema(error, "ImportError");
    }
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn valid_rows_are_stored_without_atomic() {
    let api = Api::start();
    let form = Form::of_csv(
        HEADER,
        &[
            "SN-00001,Laptop 00001,laptop,computers",
            "1.23E+11,Laptop 00002,laptop,computers",
        ],
    );
    let stored = import(&api, form.with_options(&json!({"atomic": false})));
    assert_eq!(stored.status, 207, "{}", stored.text);
    let data = stored.json()["data"].clone();
    assert_eq!(
        [&data["batch"]["created"], &data["batch"]["failed"]],
        [1, 1]
    );
    let results = data["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_matches_schema(&results[0], "FailedImportRow");
    assert_eq!([&results[0]["index"], &results[0]["row"]], [1, 3]);
    let error = &results[0]["errors"][0];
    assert_matches_schema(error, "ImportRowFailure");
    assert_eq!(error["column"], "A");
    assert_eq!(error["reason"], "spreadsheet_number");
    assert_eq!(error["pointer"], "/devices/1/serial_number");
}

#[test]
fn imported_file_can_be_undone_and_imported_again() {
    let api = Api::start();
    let stored = import(&api, valid_rows(3));
    let batch = stored.header("location").to_owned();
    let again = import(&api, valid_rows(3));
    assert_eq!(again.status, 400);
    assert_eq!(error_locations(&again.json()).len(), 3);
    let undone = api.call("POST", &format!("{batch}/undo"));
    assert_eq!(
        undone.json()["data"]["archived"].as_array().unwrap().len(),
        3
    );
    assert_eq!(import(&api, valid_rows(3)).status, 201);
}

#[test]
fn device_limit_rejects_the_file() {
    let api = Api::start();
    api.database
        .execute("UPDATE workspaces SET device_limit = 2 WHERE id = 1");
    let rejected = import(&api, valid_rows(3));
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    let error = &rejected.json()["errors"][0];
    assert_eq!(error["reason"], "device_limit");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("The file would exceed"), "{message}");
    assert_eq!(
        [&error["row"], &error["column"]],
        [&json!(null), &json!(null)]
    );
    assert_eq!(api.database.count("devices"), 0);
}
