//! The commands of docs/IMPORT.md that import the files of examples/import.

use devices_tests::{Api, percent_encode};
use serde_json::{Value, json};

use super::{ROOT, count_devices, run_in_shell};

/// Returns the first shell block of docs/IMPORT.md that imports a file.
fn documented_command(file: &str) -> String {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/IMPORT.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    let mut blocks = blocks.map(|block| block.split_once("```").unwrap().0);
    let command = format!("devices import examples/import/{file} ");
    let block = blocks.find(|block| block.starts_with(&command) && block.contains("--yes"));
    block
        .unwrap_or_else(|| panic!("no block imports {file}"))
        .to_owned()
}

/// Imports a file with the documented command. Returns the server.
fn import(file: &str, devices: usize) -> Api {
    let api = Api::start();
    let output = run_in_shell(&api, &documented_command(file));
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(count_devices(&api), devices, "{output:#?}");
    api
}

/// Returns the device whose serial number or asset tag is `value`.
fn device(api: &Api, field: &str, value: &str) -> Value {
    let path = format!("/devices?{field}={}", percent_encode(value));
    api.get_json(&path)["data"][0].clone()
}

#[track_caller]
fn assert_fields(device: &Value, expected: Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&device[field], value, "{field} of {device}");
    }
}

#[test]
fn german_laptops_are_imported() {
    let api = import("german-laptops.csv", 28);
    let device = device(&api, "serial_number", "PFF4039U");
    let expected = json!({
        "name": "KOEL-NB-002", "type": "laptop", "category": "computers", "brand": "Lenovo",
        "model": "ThinkPad T14 Gen 4", "asset_tag": "NB-01002",
        "client_purchase_date": "2024-05-28", "client_warranty_endDate": "2027-05-28",
        "client_purchase_price": "1549.90",
        "attributes": {"Benutzer": "Käthe Schäfer", "Büro": "Köln"},
    });
    assert_fields(&device, expected);
    assert_eq!(device["user"]["email"], "kaethe.schaefer@example.com");
}

#[test]
fn intune_export_is_imported() {
    let api = import("intune-devices.csv", 24);
    let device = device(&api, "serial_number", "AM9FS60JA1");
    let expected = json!({
        "name": "MAC-S60JA1", "type": "laptop", "category": "computers", "brand": "Apple",
        "model": "MacBook Air",
    });
    assert_fields(&device, expected);
    assert_eq!(device["user"]["email"], "omar.farouk@example.com");
    assert_eq!(device["characteristics"]["os_platform"], "macOS");
    assert_eq!(device["characteristics"]["compliance"], json!([]));
}

#[test]
fn snipe_it_assets_are_imported() {
    let api = import("snipe-it-assets.csv", 22);
    let device = device(&api, "asset_tag", "EX-000502");
    let expected = json!({
        "name": "Dell XPS 13 9340", "category": "Laptops", "brand": "Dell",
        "model": "XPS 13 9340", "client_purchase_date": "2023-03-05",
        "client_purchase_price": "1449.00", "client_contract_number": "PO-23000",
    });
    assert_fields(&device, expected);
    assert_eq!(device["user"]["email"], "ivan.petrescu@example.com");
}

#[test]
fn repeated_snipe_it_import_changes_nothing() {
    let api = import("snipe-it-assets.csv", 22);
    let command = documented_command("snipe-it-assets.csv");
    let output = run_in_shell(&api, &format!("{} --again", command.trim_end()));
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(count_devices(&api), 22);
    assert_eq!(api.get_json("/batches")["meta"]["total"], 1);
}

#[test]
fn workbook_is_imported_with_a_warning() {
    let api = Api::start();
    let output = run_in_shell(&api, &documented_command("inventory.xlsx"));
    assert_eq!(output.code, 0, "{output:#?}");
    assert_eq!(count_devices(&api), 30);
    assert!(output.stderr.contains("leading zeros"), "{output:#?}");
    let device = device(&api, "serial_number", "05486801");
    let expected = json!({
        "name": "Logitech Brio 500", "type": "Webcam", "category": "accessories",
        "asset_tag": "HW-2004", "client_purchase_date": "2023-05-28",
        "client_purchase_price": "119.50", "attributes": {"Room": "4.13"},
    });
    assert_fields(&device, expected);
}
