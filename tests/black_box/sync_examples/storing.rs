//! Devices that the programs store, in a first and in later runs.

use devices_tests::Api;
use serde_json::{Value, json};

use super::{INTUNE, JAMF, api_with_users, device_with_serial, summary};

#[test]
fn repeated_sync_changes_nothing() {
    for program in [INTUNE, JAMF] {
        let api = api_with_users();
        let (stored, failed) = (program.stored, program.failed());
        let first = program.sync(&api);
        assert_eq!(first.summary, summary(stored, 0, 0, failed), "{first:?}");
        let devices = api.get_json("/devices");
        let events = api.database.count("device_events");
        let second = program.sync(&api);
        assert_eq!(second.summary, summary(0, 0, stored, failed), "{second:?}");
        assert_eq!(second.batches, Vec::<String>::new());
        assert_eq!(api.get_json("/devices"), devices);
        assert_eq!(api.database.count("device_events"), events);
    }
}

#[test]
fn intune_devices_are_stored() {
    let api = api_with_users();
    INTUNE.sync(&api);
    let expected = [
        (
            "EXAMPLE-0001",
            "computer",
            "Windows 10.0.22631.3447",
            "511 GB",
            json!("ada@example.com"),
        ),
        (
            "EXAMPLE-0003",
            "computer",
            "Windows 10.0.22631.3447",
            "511 GB",
            Value::Null,
        ),
        (
            "EXAMPLE-0004",
            "smartphone",
            "iOS 17.4.1",
            "128 GB",
            json!("alan@example.com"),
        ),
        (
            "EXAMPLE-0005",
            "tablet",
            "iPadOS 17.4.1",
            "64 GB",
            Value::Null,
        ),
    ];
    for (serial_number, device_type, system, storage, user) in expected {
        let device = device_with_serial(&api, serial_number);
        let characteristics = &device["characteristics"];
        assert_eq!(device["type"], device_type, "{device}");
        assert_eq!(characteristics["os_platform"], system);
        assert_eq!(characteristics["storage"], storage);
        assert_eq!(characteristics["ram"], Value::Null);
        assert_eq!(device["user"]["email"], user);
    }
}

#[test]
fn jamf_computers_are_stored() {
    let api = api_with_users();
    JAMF.sync(&api);
    let ada = device_with_serial(&api, "EXAMPLE-1001");
    assert_eq!(ada["user"]["email"], "ada@example.com");
    assert_eq!(
        (&ada["type"], &ada["asset_tag"]),
        (&json!("laptop"), &json!("EX-1001"))
    );
    assert_eq!(ada["client_purchase_price"], "2249.00");
    assert_eq!(ada["client_warranty_endDate"], "2025-01-17");
    assert_eq!(ada["characteristics"]["processor"], "Apple M1 Pro");
    assert_eq!(ada["characteristics"]["ram"], "32 GB");
    assert_eq!(ada["characteristics"]["storage"], "500 GB");
    let grace = device_with_serial(&api, "EXAMPLE-1002");
    assert_eq!(
        (&grace["is_rented"], &grace["asset_tag"]),
        (&json!(true), &json!("EX-1002"))
    );
    assert_eq!(grace["client_rental_endDate"], "2027-06-30");
    let studio = device_with_serial(&api, "EXAMPLE-1003");
    assert_eq!(
        (&studio["type"], &studio["is_rented"]),
        (&json!("desktop"), &json!(false))
    );
    assert_eq!(studio["client_purchase_price"], Value::Null);
}

#[test]
fn changed_value_updates_one_field() {
    let changes = [
        (INTUNE, "/value/3/osVersion", "os_platform"),
        (JAMF, "/computers/0/general/name", "name"),
    ];
    for (program, pointer, field) in changes {
        let api = api_with_users();
        program.sync(&api);
        let mut export = program.export();
        *export.pointer_mut(pointer).unwrap() = json!("17.5");
        let sync = program.sync_export(&api, &export);
        let expected = summary(0, 1, program.stored - 1, program.failed());
        assert_eq!(sync.summary, expected, "{sync:?}");
        let events = api.events();
        let mut updates = events.iter().filter(|event| event["action"] == "UPDATED");
        assert_eq!(updates.next().unwrap()["fields"], json!([field]));
        assert_eq!(updates.next(), None);
    }
}

#[test]
fn sync_after_undo_stores_again() {
    for program in [INTUNE, JAMF] {
        let api = api_with_users();
        let first = program.sync(&api);
        for batch in &first.batches {
            let undo = api.send("POST", &format!("/batches/{batch}/undo"), &json!({}));
            assert_eq!(undo.status, 200, "{}", undo.text);
        }
        assert_eq!(api.get_json("/devices")["data"], json!([]));
        let second = program.sync(&api);
        assert_eq!(second.summary, first.summary);
        assert_eq!(api.get_json("/devices")["meta"]["total"], program.stored);
    }
}

#[test]
fn large_export_is_sent_in_batches() {
    let api = Api::start();
    // The older record of the first serial number would be in the second batch.
    let mut computers: Vec<_> = (0..1_002).map(computer).collect();
    computers[1_001]["general"]["serial_number"] = json!("example-0");
    let export = json!({ "computers": computers });
    let sync = JAMF.sync_export(&api, &export);
    assert_eq!(sync.summary, summary(1_001, 0, 0, 1), "{sync:?}");
    assert_eq!(sync.batches.len(), 2);
    let older = ("1001".to_owned(), "failed (duplicate)".to_owned());
    assert_eq!(sync.report, [older]);
    assert_eq!(device_with_serial(&api, "EXAMPLE-0")["name"], "Mac 0");
}

/// Returns a computer of a Jamf inventory. A higher index has an older report.
fn computer(index: u64) -> Value {
    json!({"general": {"id": index, "name": format!("Mac {index}"), "report_date_epoch": 9_999 - index,
        "serial_number": format!("EXAMPLE-{index}")}})
}
