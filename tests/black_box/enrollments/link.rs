//! Links between enrolments and devices.

use std::sync::Barrier;

use devices_tests::{Api, device, ids};
use serde_json::{Value, json};

use super::{device_mdm, empty_mdm, list_links, put, send_put, to_mdm};

/// Inserts an enrolment with SQL, because the API stores one active enrolment per serial number.
fn insert_enrollment(
    api: &Api,
    workspace: i64,
    serial_number: &str,
    status: &str,
    is_deleted: bool,
) {
    let folded = serial_number.to_uppercase();
    let deleted_at = if is_deleted { "now()" } else { "NULL" };
    api.database.execute(&format!(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status, \
         local_name, created_at, deleted_at) VALUES ({workspace}, '{serial_number}', '{folded}', \
         '{status}', 'local', now(), {deleted_at})"
    ));
}

/// Creates a device and returns its `mdm` object.
fn mdm_of_new_device(api: &Api, serial_number: &str) -> Value {
    let response = api.post(&json!([device(json!({"serial_number": serial_number}))]));
    response.created_devices()[0]["mdm"].clone()
}

#[test]
fn created_device_shows_its_enrollment() {
    let api = Api::start();
    api.database.execute(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status,
             local_name, is_locked, lock_date, is_encrypted, last_seen_date)
         VALUES (1, 'sn1', 'SN1', 'ENROLLED', 'Adas-Mac', false, NULL, true,
             '2026-01-02T03:04:05Z')",
    );
    let mut expected = empty_mdm(1);
    expected["status"] = json!("ENROLLED");
    expected["local_name"] = json!("Adas-Mac");
    expected["is_locked"] = json!(false);
    expected["is_encrypted"] = json!(true);
    expected["last_seen_date"] = json!("2026-01-02T03:04:05Z");
    assert_eq!(mdm_of_new_device(&api, "Sn1"), expected);
    let linked = api.get_json("/mdm/enrollments?linked=true");
    assert_eq!(linked["data"][0]["device_id"], 1);
}

#[test]
fn newest_active_enrollment_is_shown() {
    let api = Api::start();
    insert_enrollment(&api, 1, "SN1", "UNENROLLED", false);
    insert_enrollment(&api, 1, "SN1", "PENDING", false);
    insert_enrollment(&api, 1, "SN1", "DRAFT", false);
    insert_enrollment(&api, 1, "SN1", "ENROLLED", true);
    assert_eq!(mdm_of_new_device(&api, "SN1")["status"], "PENDING");
}

#[test]
fn draft_deleted_foreign_enrollments_are_hidden() {
    let api = Api::start();
    let globex = api.create_workspace("globex");
    insert_enrollment(&api, 1, "SN1", "DRAFT", false);
    insert_enrollment(&api, 1, "SN1", "ENROLLED", true);
    insert_enrollment(&api, globex, "SN1", "ENROLLED", false);
    insert_enrollment(&api, 1, "SN2", "ENROLLED", false);
    assert_eq!(mdm_of_new_device(&api, "SN1"), Value::Null);
}

#[test]
fn each_device_of_batch_gets_its_enrollment() {
    let api = Api::start();
    for serial_number in ["SN1", "SN2", "SN3"] {
        insert_enrollment(&api, 1, serial_number, "ENROLLED", false);
    }
    let rows: Vec<_> = ["SN3", "SN0", "SN1"]
        .iter()
        .map(|serial| device(json!({"serial_number": serial})))
        .collect();
    let created = api.post(&json!(rows)).created_devices();
    let ids: Vec<_> = created
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["mdm"]["id"].clone())
        .collect();
    assert_eq!(ids, [json!(3), Value::Null, json!(1)]);
}

#[test]
fn draft_enrollment_is_never_shown() {
    let api = Api::start();
    put(&api, "SN-1", "DRAFT");
    assert_eq!(mdm_of_new_device(&api, "SN-1"), Value::Null);
    assert_eq!(device_mdm(&api, 1), Value::Null);
    let enrolled = put(&api, "SN-1", "ENROLLED");
    assert_eq!(device_mdm(&api, 1), to_mdm(&enrolled));
    for status in ["PENDING", "UNENROLLED", "FAILED"] {
        put(&api, "SN-1", status);
        assert_eq!(device_mdm(&api, 1)["status"], status);
    }
    let draft = put(&api, "SN-1", "DRAFT");
    assert_eq!(draft["id"], enrolled["id"]);
    assert_eq!(device_mdm(&api, 1), Value::Null);
    let patched = api.send("PATCH", "/devices/1", &json!({"comment": "x"}));
    assert_eq!(patched.json()["data"]["mdm"], Value::Null);
}

#[test]
fn enrollment_links_in_either_order() {
    let api = Api::start();
    // Enrolment first.
    let before = put(&api, "SN-1", "ENROLLED");
    assert_eq!(before["device_id"], Value::Null);
    let response = api.post(&json!([device(json!({"serial_number": "sn-1"}))]));
    let created = response.created_devices()[0].clone();
    assert_eq!(created["mdm"], to_mdm(&before));
    let first = created["id"].as_i64().unwrap();
    assert_eq!(device_mdm(&api, first), to_mdm(&before));

    // Device first.
    let second = api.create_device(json!({"serial_number": "Sn-2"}));
    assert_eq!(device_mdm(&api, second), Value::Null);
    let after = put(&api, "ＳＮ-2", "PENDING");
    assert_eq!(after["device_id"], second);
    assert_eq!(device_mdm(&api, second), to_mdm(&after));

    let ids: Vec<_> = list_links(&api, "?linked=true")
        .into_iter()
        .map(|(_, device)| device)
        .collect();
    assert_eq!(ids, [json!(second), json!(first)]);
    assert_eq!(list_links(&api, "?linked=false"), []);
}

#[test]
fn enrollment_follows_changed_serial_number() {
    let api = Api::start();
    let enrolled = to_mdm(&put(&api, "SN-1", "ENROLLED"));
    let pending = to_mdm(&put(&api, "SN-2", "PENDING"));
    let id = api.create_device(json!({"serial_number": "SN-1"}));
    let path = format!("/devices/{id}");
    let change = |serial_number: Value| {
        let response = api.send("PATCH", &path, &json!({ "serial_number": serial_number }));
        assert_eq!(response.status, 200, "{}", response.text);
        let mdm = response.json()["data"]["mdm"].clone();
        assert_eq!(mdm, device_mdm(&api, id));
        mdm
    };
    let devices = || {
        let listed = list_links(&api, "");
        listed
            .into_iter()
            .map(|(_, device)| device)
            .collect::<Vec<_>>()
    };
    assert_eq!(devices(), [Value::Null, json!(id)]);
    assert_eq!(change(json!("sn-2")), pending);
    assert_eq!(devices(), [json!(id), Value::Null]);
    assert_eq!(change(json!("SN-3")), Value::Null);
    assert_eq!(devices(), [Value::Null, Value::Null]);
    assert_eq!(change(json!("SN-1")), enrolled);
    assert_eq!(change(Value::Null), Value::Null);
    assert_eq!(devices(), [Value::Null, Value::Null]);
    // A new device links to the enrolment of the freed serial number.
    let next = api.create_device(json!({"serial_number": "SN-1"}));
    assert_eq!(device_mdm(&api, next), enrolled);
}

#[test]
fn enrollment_moves_on_from_deleted_device() {
    let api = Api::start();
    let enrollment = to_mdm(&put(&api, "SN-1", "ENROLLED"));
    let first = api.create_device(json!({"serial_number": "SN-1"}));
    assert_eq!(device_mdm(&api, first), enrollment);
    let path = format!("/devices/{first}");
    let deleted = api.call("DELETE", &path).json()["data"].clone();
    assert_eq!(
        (&deleted["id"], &deleted["mdm"]),
        (&json!(first), &Value::Null)
    );
    let unlinked = [("SN-1".to_owned(), Value::Null)];
    assert_eq!(list_links(&api, "?linked=false"), unlinked);
    assert_eq!(list_links(&api, "?linked=true"), []);
    assert_eq!(api.get_json(&path)["data"]["mdm"], Value::Null);

    let second = api.create_device(json!({"serial_number": "sn-1"}));
    assert_eq!(device_mdm(&api, second), enrollment);
    assert_eq!(list_links(&api, "")[0].1, second);
    for path in [path, "/devices?client_status=ARCHIVED".to_owned()] {
        let data = api.get_json(&path)["data"].clone();
        let archived = data.get(0).unwrap_or(&data).clone();
        assert_eq!(
            (&archived["id"], &archived["mdm"]),
            (&json!(first), &Value::Null)
        );
    }
}

#[test]
fn concurrent_enrollment_and_device_are_linked() {
    let api = Api::start();
    for round in 0..20 {
        let serial_number = format!("SN-{round}");
        let start = Barrier::new(2);
        let (enrolled, created) = std::thread::scope(|scope| {
            let enrolling = scope.spawn(|| {
                start.wait();
                send_put(&api, &serial_number, &json!({"status": "ENROLLED"}))
            });
            start.wait();
            let created = api.post(&json!([device(json!({"serial_number": serial_number}))]));
            (enrolling.join().unwrap(), created)
        });
        assert_eq!(enrolled.status, 201, "{}", enrolled.text);
        let id = ids(&created.created_devices())[0];
        let enrollment = to_mdm(&enrolled.json()["data"]);
        assert_eq!(device_mdm(&api, id), enrollment, "round {round}");
    }
    assert_eq!(list_links(&api, "?linked=true").len(), 20);
}
