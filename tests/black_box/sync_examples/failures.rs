//! Rows, requests and invocations of the programs that fail.

use devices_tests::Api;
use serde_json::json;

use crate::relay::{Fault, Relay};

use super::{INTUNE, JAMF, Sync, api_with_users, device_with_serial, run, summary};

#[test]
fn failed_rows_are_reported_with_reference() {
    for program in [INTUNE, JAMF] {
        let sync = program.sync(&api_with_users());
        let report = sync.report.iter();
        let report: Vec<_> = report
            .map(|(row_ref, outcome)| (row_ref.as_str(), outcome.as_str()))
            .collect();
        assert_eq!(report, program.report);
        assert_eq!(sync.code, 1);
    }
}

#[test]
fn sync_without_failed_rows_exits_with_0() {
    let api = api_with_users();
    let mut export = INTUNE.export();
    export["value"].as_array_mut().unwrap().truncate(3);
    let sync = INTUNE.sync_export(&api, &export);
    assert_eq!((sync.code, sync.summary), (0, summary(3, 0, 0, 0)));
    // The user of the third device is unknown.
    assert_eq!(sync.report.len(), 1);
}

#[test]
fn type_of_known_device_is_kept() {
    let api = api_with_users();
    api.create_device(json!({"serial_number": "EXAMPLE-1001", "type": "notebook"}));
    let sync = JAMF.sync(&api);
    assert_eq!(sync.summary, summary(3, 1, 0, JAMF.failed()), "{sync:?}");
    assert_eq!(sync.report.len(), JAMF.report.len(), "{sync:?}");
    let device = device_with_serial(&api, "EXAMPLE-1001");
    assert_eq!(
        (&device["type"], &device["brand"]),
        (&json!("notebook"), &json!("Apple"))
    );
}

#[test]
fn new_user_gets_device_in_next_sync() {
    let api = api_with_users();
    INTUNE.sync(&api);
    api.add_user("acme", "katherine@example.com");
    let sync = INTUNE.sync(&api);
    assert_eq!(sync.summary, summary(0, 1, 4, INTUNE.failed()));
    let device = device_with_serial(&api, "EXAMPLE-0003");
    assert_eq!(device["user"]["email"], "katherine@example.com");
}

#[test]
fn failed_requests_are_repeated_with_same_key() {
    let api = api_with_users();
    let faults = [Fault::Unavailable, Fault::LoseResponse];
    let relay = Relay::in_front_of(&api, &faults);
    let output = JAMF.run(&relay.url, &api.key, &JAMF.export());
    let sync = Sync::from(output);
    assert_eq!(sync.summary, summary(4, 0, 0, JAMF.failed()), "{sync:?}");
    assert_eq!(api.database.count("devices"), 4);
    let keys = relay.idempotency_keys();
    let [unavailable, lost, replayed, second_batch] = &keys[..] else {
        panic!("{keys:?}");
    };
    assert_eq!([unavailable, lost], [replayed, replayed]);
    assert_ne!(second_batch, replayed);
    assert!(keys.iter().all(|key| key.starts_with("sync-")), "{keys:?}");
}

#[test]
fn rejected_key_is_not_printed() {
    let api = Api::start();
    let key = "fdk_1_example";
    let output = JAMF.run(&api.server.url(""), key, &JAMF.export());
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(output.stderr.contains("401"), "{output:?}");
    assert!(!output.stderr.contains(key), "{output:?}");
}

#[test]
fn invalid_invocation_exits_with_2() {
    let api = Api::start();
    for program in [INTUNE, JAMF] {
        let without_key = run(program
            .command()
            .arg("x")
            .env("FLEET_URL", "http://127.0.0.1:1"));
        let without_url = run(program.command().arg("x").env("FLEET_KEY", "x"));
        let exports = [
            json!({"devices": []}),
            json!({"value": [null], "computers": [null]}),
            json!([]),
        ];
        let others = exports.map(|export| program.run(&api.server.url(""), &api.key, &export));
        for output in [without_key, without_url].into_iter().chain(others) {
            assert_eq!(output.code, 2, "{output:?}");
            assert!(!output.stderr.contains("Traceback"), "{output:?}");
        }
    }
}

#[test]
fn help_names_the_variables() {
    for program in [INTUNE, JAMF] {
        let output = run(program.command().arg("--help"));
        assert_eq!(output.code, 0, "{output:?}");
        assert!(output.stdout.contains("FLEET_URL") && output.stdout.contains("FLEET_KEY"));
    }
}
