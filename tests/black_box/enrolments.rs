//! What device management knows of a device.

use devices_tests::{Api, device};
use serde_json::{Value, json};

fn enrol(api: &Api, workspace: i64, serial_number: &str, status: &str, columns: &str) {
    let folded = serial_number.to_uppercase();
    api.database.execute(&format!(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status, \
         local_name, created_at{}) VALUES ({workspace}, '{serial_number}', '{folded}', '{status}', \
         'local', now(){columns})",
        match columns {
            "" => "",
            _ => ", deleted_at",
        }
    ));
}

fn mdm_of(api: &Api, serial_number: &str) -> Value {
    let answer = api.post(&json!([device(json!({"serial_number": serial_number}))]));
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["data"]["devices"][0]["mdm"].clone()
}

#[test]
fn a_created_device_shows_the_enrolment_of_its_serial_number() {
    let api = Api::start();
    api.database.execute(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status,
             local_name, is_locked, lock_date, is_encrypted, last_seen_date)
         VALUES (1, 'sn1', 'SN1', 'ENROLLED', 'Adas-Mac', false, NULL, true,
             '2026-01-02T03:04:05Z')",
    );
    assert_eq!(
        mdm_of(&api, "Sn1"),
        json!({
            "id": 1, "status": "ENROLLED", "local_name": "Adas-Mac", "is_locked": false,
            "lock_date": null, "firewall_enabled": null, "os_updates_enabled": null,
            "is_encrypted": true, "screenlock_enabled": null, "is_compromised": null,
            "os_updates_available": null, "disk_encryption_profile_installed": null,
            "enrollment_date": null, "unenrollment_date": null, "download_date": null,
            "last_seen_date": "2026-01-02T03:04:05Z", "last_sync_date": null,
        })
    );
    let linked = api.list("/mdm/enrollments?linked=true");
    assert_eq!(linked["data"][0]["device_id"], 1);
}

#[test]
fn the_newest_enrolment_that_is_neither_deleted_nor_a_draft_counts() {
    let api = Api::start();
    enrol(&api, 1, "SN1", "UNENROLLED", "");
    enrol(&api, 1, "SN1", "PENDING", "");
    enrol(&api, 1, "SN1", "DRAFT", "");
    enrol(&api, 1, "SN1", "ENROLLED", ", now()");
    assert_eq!(mdm_of(&api, "SN1")["status"], "PENDING");
}

#[test]
fn drafts_deleted_enrolments_and_those_of_others_stay_hidden() {
    let api = Api::start();
    let globex = api.create_workspace("globex");
    enrol(&api, 1, "SN1", "DRAFT", "");
    enrol(&api, 1, "SN1", "ENROLLED", ", now()");
    enrol(&api, globex, "SN1", "ENROLLED", "");
    enrol(&api, 1, "SN2", "ENROLLED", "");
    assert_eq!(mdm_of(&api, "SN1"), Value::Null);
}

#[test]
fn every_device_of_a_batch_finds_its_own() {
    let api = Api::start();
    for serial_number in ["SN1", "SN2", "SN3"] {
        enrol(&api, 1, serial_number, "ENROLLED", "");
    }
    let rows: Vec<_> = ["SN3", "SN0", "SN1"]
        .iter()
        .map(|serial| device(json!({"serial_number": serial})))
        .collect();
    let answer = api.post(&json!(rows)).json();
    let ids: Vec<_> = answer["data"]["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["mdm"]["id"].clone())
        .collect();
    assert_eq!(ids, [json!(3), Value::Null, json!(1)]);
}
