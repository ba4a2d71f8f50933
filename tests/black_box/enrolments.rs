//! What device management knows of a device.

use std::sync::Barrier;

use devices_tests::{Answer, Api, device, encoded, ids, race, send};
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

/// The keys of `mdm`.
const MDM_KEYS: [&str; 17] = [
    "id",
    "status",
    "local_name",
    "is_locked",
    "lock_date",
    "firewall_enabled",
    "os_updates_enabled",
    "is_encrypted",
    "screenlock_enabled",
    "is_compromised",
    "os_updates_available",
    "disk_encryption_profile_installed",
    "enrollment_date",
    "unenrollment_date",
    "download_date",
    "last_seen_date",
    "last_sync_date",
];

fn path_of(serial_number: &str) -> String {
    format!("/mdm/enrollments/{}", encoded(serial_number))
}

fn put_answer(api: &Api, serial_number: &str, body: &Value) -> Answer {
    api.send("PUT", &path_of(serial_number), body)
}

/// Reports an enrolment; what is answered.
fn put(api: &Api, serial_number: &str, status: &str) -> Value {
    let answer = put_answer(api, serial_number, &json!({ "status": status }));
    assert!([200, 201].contains(&answer.status), "{}", answer.text);
    answer.json()["data"].clone()
}

/// What `GET /devices/{id}` and the list show as `mdm`; they agree.
fn shown_mdm(api: &Api, id: i64) -> Value {
    let device = api.list(&format!("/devices/{id}"))["data"].clone();
    let list = api.list("/devices?limit=100");
    let listed = list["data"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.filter(|device| device["id"] == id).collect();
    assert_eq!(listed, [&device]);
    device["mdm"].clone()
}

/// Serial number and device of each enrolment that is listed.
fn listed(api: &Api, query: &str) -> Vec<(String, Value)> {
    let list = api.list(&format!("/mdm/enrollments{query}"));
    let data = list["data"].as_array().unwrap();
    assert_eq!(list["meta"]["total"], data.len());
    data.iter()
        .map(|one| {
            let serial_number = one["serial_number"].as_str().unwrap().to_owned();
            (serial_number, one["device_id"].clone())
        })
        .collect()
}

/// Without what only enrolments themselves show.
fn as_mdm(enrollment: &Value) -> Value {
    let mut mdm = enrollment.clone();
    let members = mdm.as_object_mut().unwrap();
    members.remove("serial_number");
    members.remove("device_id");
    mdm
}

#[test]
fn an_enrolment_is_created_and_then_replaced() {
    let api = Api::start();
    let complete = json!({
        "status": "ENROLLED", "local_name": "Graces-Mac", "is_locked": true,
        "lock_date": "2026-01-02T03:04:05+02:00", "firewall_enabled": true,
        "os_updates_enabled": false, "is_encrypted": true, "screenlock_enabled": null,
        "is_compromised": false, "os_updates_available": true,
        "disk_encryption_profile_installed": true, "enrollment_date": "2025-12-31T23:59:59Z",
        "unenrollment_date": null, "download_date": "2025-12-31T00:00:00.5Z",
        "last_seen_date": "2026-01-02T03:04:05Z", "last_sync_date": "2026-01-02T03:04:05-00:00",
    });
    let mut expected = complete.clone();
    let more = json!({
        "id": 1, "serial_number": "Sn-4711", "device_id": null, "lock_date": "2026-01-02T01:04:05Z",
        "last_sync_date": "2026-01-02T03:04:05Z", "download_date": "2025-12-31T00:00:00.500Z",
    });
    let more = more.as_object().unwrap().clone();
    expected.as_object_mut().unwrap().extend(more);
    let created = put_answer(&api, "Sn-4711", &complete);
    assert_eq!(created.status, 201, "{}", created.text);
    assert_eq!(created.json(), json!({ "data": expected }));
    assert_eq!(api.list("/mdm/enrollments")["data"], json!([expected]));

    let again = put_answer(&api, "Sn-4711", &complete);
    assert_eq!((again.status, again.json()), (200, created.json()));

    // What is not said is not known any more; and it is the same serial number in another case.
    let replaced = api.send(
        "PUT",
        "/platform/v1/mdm/enrollments/SN-4711",
        &json!({"status": "PENDING", "local_name": ""}),
    );
    assert_eq!(replaced.status, 200, "{}", replaced.text);
    let replaced = replaced.json()["data"].clone();
    for key in MDM_KEYS {
        let expected = match key {
            "id" => json!(1),
            "status" => json!("PENDING"),
            _ => Value::Null,
        };
        assert_eq!(replaced.get(key), Some(&expected), "{key}");
    }
    assert_eq!(replaced.as_object().unwrap().len(), MDM_KEYS.len() + 2);
    assert_eq!(api.list("/mdm/enrollments")["data"], json!([replaced]));
}

#[test]
fn a_deleted_enrolment_is_told_once_more_and_then_gone_and_a_new_one_is_another() {
    let api = Api::start();
    let id = api.create_device(json!({"serial_number": "SN-4711"}));
    let put_first = put(&api, "SN-4711", "ENROLLED");
    let deleted = api.ask("DELETE", &path_of("sn-4711"));
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert_eq!(deleted.json(), json!({ "data": put_first }));
    assert_eq!(listed(&api, ""), []);
    assert_eq!(shown_mdm(&api, id), Value::Null);
    for serial_number in ["SN-4711", "SN-4711", "NEVER-1"] {
        let gone = api.ask("DELETE", &path_of(serial_number));
        gone.assert_error(404, "ENROLLMENT_NOT_FOUND");
    }
    let answer = put_answer(&api, "SN-4711", &json!({"status": "ENROLLED"}));
    assert_eq!(answer.status, 201);
    assert_ne!(answer.json()["data"]["id"], put_first["id"]);
    assert_eq!(shown_mdm(&api, id), as_mdm(&answer.json()["data"]));
}

#[test]
fn enrolments_are_listed_newest_first_with_and_without_a_device() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    put(&api, "SN-2", "DRAFT");
    put(&api, "SN-3", "UNENROLLED");
    put(&api, "SN-4", "DRAFT");
    let first = api.create_device(json!({"serial_number": "sn-1"}));
    let second = api.create_device(json!({"serial_number": "sn-2"}));
    api.create_device(json!({"serial_number": "SN-5"}));
    let one = |serial: &str, device: Value| (serial.to_owned(), device);
    let all = [
        one("SN-4", Value::Null),
        one("SN-3", Value::Null),
        one("SN-2", json!(second)),
        one("SN-1", json!(first)),
    ];
    assert_eq!(listed(&api, ""), all);
    assert_eq!(listed(&api, "?linked=true"), all[2..]);
    assert_eq!(listed(&api, "?linked=false"), all[..2]);
    // What is replaced stays where it is.
    put(&api, "SN-1", "FAILED");
    assert_eq!(listed(&api, ""), all);
    for bad in ["yes", "1", "TRUE", "", "null"] {
        let answer = api.ask("GET", &format!("/mdm/enrollments?linked={bad}"));
        answer.assert_parameters_refused(&["linked"], bad);
    }
    let meant = api.ask("GET", "/mdm/enrollments?linkd=true&limit=0");
    assert_eq!(meant.status, 400);
    let entries = meant.json()["errors"].clone();
    assert_eq!(entries[0]["field"], "limit");
    assert_eq!(entries[1]["did_you_mean"], "linked");
}

#[test]
fn a_cursor_leads_through_the_enrolments_once_each() {
    let api = Api::start();
    for number in 0..7 {
        put(&api, &format!("SN-{number}"), "ENROLLED");
    }
    let mut seen = Vec::new();
    for answer in api.pages("/mdm/enrollments?linked=false&limit=3") {
        let list = answer.json();
        assert_eq!(
            list["meta"],
            json!({"total": 7, "limit": 3, "offset": seen.len()})
        );
        seen.extend(ids(&list["data"]));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
    let page = api.list("/mdm/enrollments?limit=2&offset=2");
    assert_eq!(page["data"][0]["id"], 5);
}

#[test]
fn every_serial_number_can_be_named_in_the_path() {
    let api = Api::start();
    for (written, serial_number) in [
        ("AB%2F12", "AB/12"),
        ("ab%2f13", "ab/13"),
        ("A%23B", "A#B"),
        ("A%2BB", "A+B"),
        ("A+C", "A+C"),
        ("A%20B", "A B"),
        ("%20A%20C%20", "A C"),
        ("A:B", "A:B"),
        ("A%3AC", "A:C"),
        ("A_B.C-D", "A_B.C-D"),
        ("%41%42", "AB"),
        ("%2FAB%2F", "/AB/"),
        ("a%2Fb%2Fc%23d%2Be%20f", "a/b/c#d+e f"),
    ] {
        let path = format!("/mdm/enrollments/{written}");
        let answer = api.send("PUT", &path, &json!({"status": "ENROLLED"}));
        assert_eq!(answer.status, 201, "{written}: {}", answer.text);
        let enrollment = answer.json()["data"].clone();
        assert_eq!(enrollment["serial_number"], serial_number, "{written}");
        let id = api.create_device(json!({"serial_number": serial_number}));
        assert_eq!(shown_mdm(&api, id), as_mdm(&enrollment), "{written}");
        let deleted = api.ask("DELETE", &path);
        assert_eq!(deleted.status, 200, "{written}: {}", deleted.text);
        assert_eq!(deleted.json()["data"]["device_id"], id);
    }
    let longest = "x1".repeat(32);
    assert_eq!(
        put_answer(&api, &longest, &json!({"status": "DRAFT"})).status,
        201
    );
}

#[test]
fn a_serial_number_in_the_path_obeys_the_rules_of_devices() {
    let api = Api::start();
    let too_long = "a1".repeat(32) + "a";
    for (written, reason) in [
        ("None", "placeholder"),
        ("unknown", "placeholder"),
        ("n%2Fa", "placeholder"),
        ("0000", "placeholder"),
        ("xxx", "placeholder"),
        ("To%20be%20filled%20by%20O.E.M.", "placeholder"),
        ("Default%20string", "placeholder"),
        ("A%25B", "malformed"),
        ("A%252FB", "malformed"),
        ("A%3FB", "malformed"),
        ("A%20%20B", "malformed"),
        ("S%C3%A9rie", "malformed"),
        ("A;B", "malformed"),
        ("%3A%23", "malformed"),
        ("A%00B", "control_character"),
        ("A%0AB", "control_character"),
        (&too_long, "too_long"),
    ] {
        for method in ["PUT", "DELETE"] {
            let path = format!("/mdm/enrollments/{written}");
            let answer = api.send(method, &path, &json!({"status": "ENROLLED"}));
            assert_eq!(answer.status, 400, "{method} {written}: {}", answer.text);
            let body = answer.json();
            assert_eq!(body["errors_total"], 1, "{written}");
            let entry = &body["errors"][0];
            assert_eq!(body["error"], "INVALID_SERIAL_NUMBER", "{written}: {body}");
            assert_eq!(entry["code"], "INVALID_SERIAL_NUMBER", "{written}: {body}");
            assert_eq!(entry["reason"], reason, "{written}: {body}");
            assert_eq!(entry["field"], "serial_number", "{written}");
            assert_eq!(entry["pointer"], "", "{written}");
            assert_eq!(entry["index"], Value::Null, "{written}");
        }
    }
    // Nothing at all, and what is no text: refused, whatever the words.
    for written in ["%20", "%ff", "A%ffB", "%C3", "%E3%80%80"] {
        for method in ["PUT", "DELETE"] {
            let path = format!("/mdm/enrollments/{written}");
            let answer = api.send(method, &path, &json!({"status": "ENROLLED"}));
            assert_eq!(answer.status, 400, "{method} {written}: {}", answer.text);
            assert_eq!(answer.json()["error"], "INVALID_SERIAL_NUMBER", "{written}");
        }
    }
    assert_eq!(api.database.count("devices_mdm"), 0);
}

#[test]
fn every_rule_of_an_enrolment_is_told_when_it_is_broken() {
    let api = Api::start();
    let refused = |body: &Value, field: &str, reason: &str| {
        let answer = put_answer(&api, "SN-4711", body);
        answer.assert_field_refused(field, reason, &body.to_string())
    };
    for body in [json!({}), json!({"status": null}), json!({"status": ""})] {
        refused(&body, "status", "required");
    }
    for status in ["enrolled", "ACTIVE", "IN_SERVICE"] {
        refused(&json!({ "status": status }), "status", "not_in_enum");
    }
    refused(&json!({"status": true}), "status", "wrong_type");
    let with = |field: &str, value: Value| json!({"status": "ENROLLED", field: value});
    for field in MDM_KEYS.iter().filter(|key| key.ends_with("_date")) {
        for bad in [
            "2026-01-02T03:04:05",
            "2026-01-02",
            "soon",
            "2026-02-30T00:00:00Z",
            "1767322800",
        ] {
            refused(&with(field, json!(bad)), field, "malformed");
        }
        refused(&with(field, json!(1_767_322_800)), field, "wrong_type");
    }
    let booleans = MDM_KEYS
        .iter()
        .filter(|key| !key.ends_with("_date") && !["id", "status", "local_name"].contains(key));
    for field in booleans {
        for bad in [json!("true"), json!(1), json!([]), json!({})] {
            refused(&with(field, bad), field, "wrong_type");
        }
    }
    refused(
        &with("local_name", json!("é".repeat(256))),
        "local_name",
        "too_long",
    );
    refused(
        &with("local_name", json!("a\u{0}b")),
        "local_name",
        "control_character",
    );
    refused(&with("local_name", json!(7)), "local_name", "wrong_type");
    for name in ["id", "device_id", "serial_number", "battery"] {
        refused(&with(name, json!("17")), name, "unknown_field");
    }
    let entry = refused(
        &with("os_update_enabled", json!(true)),
        "os_update_enabled",
        "unknown_field",
    );
    assert_eq!(entry["did_you_mean"], "os_updates_enabled");
    let entry = refused(&with("isLocked", json!(true)), "isLocked", "unknown_field");
    assert_eq!(entry["did_you_mean"], "is_locked");

    let answer = put_answer(&api, "SN-4711", &json!({"is_locked": 1, "lock_date": 1}));
    assert_eq!(answer.json()["errors_total"], 3, "{}", answer.text);
    assert_eq!(api.database.count("devices_mdm"), 0);
    let longest = with("local_name", json!("é".repeat(255)));
    assert_eq!(put_answer(&api, "SN-4711", &longest).status, 201);
}

#[test]
fn a_body_that_is_no_object_is_no_enrolment() {
    let api = Api::start();
    let put_text = |kind: &'static str, body: &'static str| {
        let path = path_of("SN-4711");
        let request = api.request("PUT", &path).bearer_auth(&api.key);
        send(request.header("Content-Type", kind).body(body))
    };
    for (body, reason) in [
        ("", "not_json"),
        ("ENROLLED", "not_json"),
        ("{\"status\":\"ENROLLED\"", "not_json"),
        ("null", "wrong_type"),
        ("[]", "wrong_type"),
        ("\"ENROLLED\"", "wrong_type"),
        (
            "{\"status\":\"ENROLLED\",\"status\":\"ENROLLED\"}",
            "repeated_field",
        ),
    ] {
        let answer = put_text("application/json", body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        assert_eq!(answer.json()["errors"][0]["reason"], reason, "{body}");
    }
    let answer = put_text("text/plain", "{\"status\":\"ENROLLED\"}");
    answer.assert_error(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(api.database.count("devices_mdm"), 0);

    let lenient = api.send_with(
        "PUT",
        &path_of("SN-4711"),
        &[("Prefer", "handling=lenient")],
        &json!({"status": "ENROLLED", "battery": 80}),
    );
    assert_eq!(lenient.status, 201, "{}", lenient.text);
    assert_eq!(lenient.header("preference-applied"), "handling=lenient");
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

#[test]
fn of_reports_of_one_serial_number_that_come_at_once_one_creates() {
    let api = Api::start();
    let statuses = race(6, |_| {
        put_answer(&api, "SN-4711", &json!({"status": "ENROLLED"})).status
    });
    let created = statuses.iter().filter(|status| **status == 201).count();
    let replaced = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!((created, replaced), (1, 5), "{statuses:?}");
    assert_eq!(api.database.count("devices_mdm"), 1);
}

#[test]
fn a_read_key_lists_enrolments_and_changes_none() {
    let api = Api::start();
    put(&api, "SN-1", "ENROLLED");
    let read = api.create_key("acme", "READ");
    let body = json!({"status": "FAILED"});
    let ask = |method: &str, path: &str| api.send_as(&read, method, path, &body);
    assert_eq!(ask("GET", "/mdm/enrollments").json()["meta"]["total"], 1);
    for (method, serial_number) in [
        ("PUT", "SN-1"),
        ("PUT", "SN-2"),
        ("PUT", "None"),
        ("DELETE", "SN-1"),
    ] {
        let answer = ask(method, &path_of(serial_number));
        assert_eq!(answer.status, 403, "{method}: {}", answer.text);
        assert_eq!(answer.json(), json!({"error": "INSUFFICIENT_SCOPE"}));
    }
    assert_eq!(
        api.list("/mdm/enrollments")["data"][0]["status"],
        "ENROLLED"
    );
}

#[test]
fn another_workspaces_enrolments_are_invisible() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let ask = |method: &str, path: &str, body: Value| api.send_as(&globex, method, path, &body);
    put(&api, "SN-1", "ENROLLED");
    let own = api.create_device(json!({"serial_number": "SN-1"}));
    let list = ask("GET", "/mdm/enrollments", json!({}));
    assert_eq!(
        list.json(),
        json!({"data": [], "meta": {"total": 0, "limit": 50, "offset": 0}})
    );
    let missed = ask("DELETE", &path_of("SN-1"), json!({}));
    missed.assert_error(404, "ENROLLMENT_NOT_FOUND");
    // The same serial number is another enrolment there, and links to no device of here.
    let theirs = ask("PUT", &path_of("SN-1"), json!({"status": "FAILED"}));
    assert_eq!(theirs.status, 201);
    assert_eq!(theirs.json()["data"]["device_id"], Value::Null);
    assert_eq!(shown_mdm(&api, own)["status"], "ENROLLED");
    let created = api.post_as(&globex, &json!([device(json!({"serial_number": "SN-1"}))]));
    assert_eq!(created.created()[0]["mdm"]["status"], "FAILED");
    assert_eq!(ask("DELETE", &path_of("SN-1"), json!({})).status, 200);
    assert_eq!(shown_mdm(&api, own)["status"], "ENROLLED");
    assert_eq!(
        listed(&api, "?linked=true"),
        [("SN-1".to_owned(), json!(own))]
    );
}
