//! How enrolments and devices are linked.

use std::sync::Barrier;

use devices_tests::{Api, device, ids};
use serde_json::{Value, json};

use super::{as_mdm, listed, put, put_answer, shown_mdm};

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
    answer.created()[0]["mdm"].clone()
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
    let created = api.post(&json!(rows)).created();
    let ids: Vec<_> = created
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["mdm"]["id"].clone())
        .collect();
    assert_eq!(ids, [json!(3), Value::Null, json!(1)]);
}

#[test]
fn a_draft_is_never_shown_with_a_device() {
    let api = Api::start();
    put(&api, "SN-1", "DRAFT");
    assert_eq!(mdm_of(&api, "SN-1"), Value::Null);
    assert_eq!(shown_mdm(&api, 1), Value::Null);
    let enrolled = put(&api, "SN-1", "ENROLLED");
    assert_eq!(shown_mdm(&api, 1), as_mdm(&enrolled));
    for status in ["PENDING", "UNENROLLED", "FAILED"] {
        put(&api, "SN-1", status);
        assert_eq!(shown_mdm(&api, 1)["status"], status);
    }
    let draft = put(&api, "SN-1", "DRAFT");
    assert_eq!(draft["id"], enrolled["id"]);
    assert_eq!(shown_mdm(&api, 1), Value::Null);
    let patched = api.send("PATCH", "/devices/1", &json!({"comment": "x"}));
    assert_eq!(patched.json()["data"]["mdm"], Value::Null);
}

#[test]
fn an_enrolment_and_a_device_find_each_other_whichever_comes_first() {
    let api = Api::start();
    // Enrolment first.
    let before = put(&api, "SN-1", "ENROLLED");
    assert_eq!(before["device_id"], Value::Null);
    let answer = api.post(&json!([device(json!({"serial_number": "sn-1"}))]));
    let created = answer.created()[0].clone();
    assert_eq!(created["mdm"], as_mdm(&before));
    let first = created["id"].as_i64().unwrap();
    assert_eq!(shown_mdm(&api, first), as_mdm(&before));

    // Device first.
    let second = api.create_device(json!({"serial_number": "Sn-2"}));
    assert_eq!(shown_mdm(&api, second), Value::Null);
    let after = put(&api, "ＳＮ-2", "PENDING");
    assert_eq!(after["device_id"], second);
    assert_eq!(shown_mdm(&api, second), as_mdm(&after));

    let ids: Vec<_> = listed(&api, "?linked=true")
        .into_iter()
        .map(|(_, device)| device)
        .collect();
    assert_eq!(ids, [json!(second), json!(first)]);
    assert_eq!(listed(&api, "?linked=false"), []);
}

#[test]
fn an_enrolment_follows_the_serial_number_of_a_device() {
    let api = Api::start();
    let one = as_mdm(&put(&api, "SN-1", "ENROLLED"));
    let two = as_mdm(&put(&api, "SN-2", "PENDING"));
    let id = api.create_device(json!({"serial_number": "SN-1"}));
    let path = format!("/devices/{id}");
    let change = |serial_number: Value| {
        let answer = api.send("PATCH", &path, &json!({ "serial_number": serial_number }));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let mdm = answer.json()["data"]["mdm"].clone();
        assert_eq!(mdm, shown_mdm(&api, id));
        mdm
    };
    let devices = || {
        let listed = listed(&api, "");
        listed
            .into_iter()
            .map(|(_, device)| device)
            .collect::<Vec<_>>()
    };
    assert_eq!(devices(), [Value::Null, json!(id)]);
    assert_eq!(change(json!("sn-2")), two);
    assert_eq!(devices(), [json!(id), Value::Null]);
    assert_eq!(change(json!("SN-3")), Value::Null);
    assert_eq!(devices(), [Value::Null, Value::Null]);
    assert_eq!(change(json!("SN-1")), one);
    assert_eq!(change(Value::Null), Value::Null);
    assert_eq!(devices(), [Value::Null, Value::Null]);
    // Another device may have what this one gave up.
    let next = api.create_device(json!({"serial_number": "SN-1"}));
    assert_eq!(shown_mdm(&api, next), one);
}

#[test]
fn the_enrolment_of_a_deleted_device_goes_to_the_next_one_of_its_serial_number() {
    let api = Api::start();
    let enrollment = as_mdm(&put(&api, "SN-1", "ENROLLED"));
    let first = api.create_device(json!({"serial_number": "SN-1"}));
    assert_eq!(shown_mdm(&api, first), enrollment);
    let path = format!("/devices/{first}");
    let deleted = api.ask("DELETE", &path).json()["data"].clone();
    assert_eq!(
        (&deleted["id"], &deleted["mdm"]),
        (&json!(first), &Value::Null)
    );
    let alone = [("SN-1".to_owned(), Value::Null)];
    assert_eq!(listed(&api, "?linked=false"), alone);
    assert_eq!(listed(&api, "?linked=true"), []);
    assert_eq!(api.list(&path)["data"]["mdm"], Value::Null);

    let second = api.create_device(json!({"serial_number": "sn-1"}));
    assert_eq!(shown_mdm(&api, second), enrollment);
    assert_eq!(listed(&api, "")[0].1, second);
    for path in [path, "/devices?client_status=ARCHIVED".to_owned()] {
        let data = api.list(&path)["data"].clone();
        let archived = data.get(0).unwrap_or(&data).clone();
        assert_eq!(
            (&archived["id"], &archived["mdm"]),
            (&json!(first), &Value::Null)
        );
    }
}

#[test]
fn an_enrolment_and_a_device_that_come_at_the_same_moment_find_each_other() {
    let api = Api::start();
    for round in 0..20 {
        let serial_number = format!("SN-{round}");
        let start = Barrier::new(2);
        let (enrolled, created) = std::thread::scope(|scope| {
            let enrolling = scope.spawn(|| {
                start.wait();
                put_answer(&api, &serial_number, &json!({"status": "ENROLLED"}))
            });
            start.wait();
            let created = api.post(&json!([device(json!({"serial_number": serial_number}))]));
            (enrolling.join().unwrap(), created)
        });
        assert_eq!(enrolled.status, 201, "{}", enrolled.text);
        let id = ids(&created.created())[0];
        let enrollment = as_mdm(&enrolled.json()["data"]);
        assert_eq!(shown_mdm(&api, id), enrollment, "round {round}");
    }
    assert_eq!(listed(&api, "?linked=true").len(), 20);
}
