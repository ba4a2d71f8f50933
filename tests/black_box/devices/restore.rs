//! `POST /devices/{device_id}/restore`.

use std::io::Cursor;

use devices_tests::{Api, Response, race, send};
use reqwest::blocking::Body;
use serde_json::{Value, json};

use super::{
    complete_request, create_device_path, get, get_etag, patch, put_enrollment,
    retry_while_unavailable,
};

fn restore(api: &Api, path: &str) -> Response {
    api.call("POST", &format!("{path}/restore"))
}

/// Creates a device and archives it. Returns its path.
fn create_archived(api: &Api, fields: Value) -> String {
    let path = create_device_path(api, fields);
    archive(api, &path);
    path
}

fn archive(api: &Api, path: &str) {
    let deleted = api.call("DELETE", path);
    assert_eq!(deleted.status, 200, "{}", deleted.text);
}

/// Returns the action and the fields of the last audit event.
fn last_event(api: &Api) -> (String, Value) {
    // Ids of events of devices are reserved in blocks: those of users may be higher.
    let mut events = api.events();
    events.sort_by_key(|event| event["occurred_at"].as_str().unwrap().to_owned());
    let event = events.pop().unwrap();
    (
        event["action"].as_str().unwrap().to_owned(),
        event["fields"].clone(),
    )
}

#[test]
fn restored_device_is_active_as_before() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@example.com");
    for prefix in ["", "/platform/v1"] {
        let path = create_device_path(&api, complete_request(user));
        let before = get(&api, &path);
        archive(&api, &path);
        let archived = get(&api, &path);
        let restored = restore(&api, &format!("{prefix}{path}"));
        assert_eq!(restored.status, 200, "{}", restored.text);
        let device = restored.json()["data"].clone();
        let mut expected = before;
        expected["updated_at"] = device["updated_at"].clone();
        assert_eq!(device, expected);
        assert!(device["updated_at"].as_str() > archived["updated_at"].as_str());
        assert_eq!(get(&api, &path), device);
        assert_eq!(get_etag(&api, &path), restored.header("etag"));
        assert_eq!(last_event(&api), ("RESTORED".to_owned(), json!([])));
        patch(&api, &path, &json!({"comment": "Found again"}));
        archive(&api, &path);
    }
}

#[test]
fn restored_device_is_listed_and_found() {
    let api = Api::start();
    let path = create_archived(&api, json!({"serial_number": "FOUND-1", "brand": "Lenovo"}));
    let queries = [
        "search=lenovo",
        "search=found-1",
        "serial_number=found-1",
        "limit=5",
    ];
    let total = |query: &str| api.get_json(&format!("/devices?{query}"))["meta"]["total"].clone();
    for query in queries {
        assert_eq!(total(query), 0, "{query}");
        assert_eq!(
            total(&format!("{query}&client_status=ARCHIVED")),
            1,
            "{query}"
        );
    }
    assert_eq!(restore(&api, &path).status, 200);
    for query in queries {
        assert_eq!(total(query), 1, "{query}");
        assert_eq!(
            total(&format!("{query}&client_status=ARCHIVED")),
            0,
            "{query}"
        );
    }
}

#[test]
fn restored_device_is_linked_to_its_enrollment() {
    let api = Api::start();
    put_enrollment(&api, "SN-100", "ENROLLED");
    let path = create_archived(&api, json!({"serial_number": "sn-100"}));
    assert_eq!(get(&api, &path)["mdm"], Value::Null);
    let restored = restore(&api, &path);
    assert_eq!(restored.json()["data"]["mdm"]["status"], "ENROLLED");
}

#[test]
fn active_device_is_returned_unchanged() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"serial_number": "HERE-1"}));
    api.database
        .execute("UPDATE workspaces SET device_limit = 1");
    let before = api.call("GET", &path);
    for _ in 0..2 {
        let response = restore(&api, &path);
        assert_eq!(response.status, 200);
        assert_eq!(response.text, before.text);
        assert_eq!(response.header("etag"), before.header("etag"));
    }
    assert_eq!(api.events().len(), 1);
}

#[test]
fn deleted_assignee_is_removed() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = create_archived(&api, json!({"user_id": ada}));
    assert_eq!(api.call("DELETE", &format!("/users/{ada}")).status, 200);
    // Another user with the same address is not the assignee.
    api.add_user("acme", "ada@example.com");
    assert_eq!(get(&api, &path)["user_id"], ada);
    let restored = restore(&api, &path);
    assert_eq!(restored.status, 200, "{}", restored.text);
    let device = restored.json()["data"].clone();
    assert_eq!(device["user_id"], Value::Null);
    assert_eq!(device["user"], Value::Null);
    assert_eq!(device["client_status"], "AVAILABLE");
    assert_eq!(get(&api, &path), device);
    assert_eq!(
        last_event(&api),
        ("RESTORED".to_owned(), json!(["user_id"]))
    );
}

#[test]
fn taken_serial_number_prevents_restore() {
    let api = Api::start();
    let path = create_archived(&api, json!({"serial_number": "Taken-1"}));
    let holder = api.create_device(json!({"serial_number": "ｔaken-1"}));
    let before = api.call("GET", &path).text;
    let response = restore(&api, &path);
    assert_eq!(response.status, 400, "{}", response.text);
    let message = format!("serial_number is taken by device {holder}");
    assert_eq!(
        response.json(),
        json!({
            "error": "INVALID_SERIAL_NUMBER",
            "errors": [{
                "index": null, "pointer": "", "field": "serial_number",
                "code": "INVALID_SERIAL_NUMBER", "reason": "already_exists", "message": message,
                "existing_device_id": holder,
            }],
            "errors_total": 1,
        })
    );
    assert_eq!(api.call("GET", &path).text, before);
    archive(&api, &format!("/devices/{holder}"));
    assert_eq!(restore(&api, &path).status, 200);
}

#[test]
fn device_limit_prevents_restore() {
    let api = Api::start();
    let path = create_archived(&api, json!({"serial_number": "SN-1"}));
    api.database
        .execute("UPDATE workspaces SET device_limit = 1");
    let holder = api.create_device(json!({}));
    let response = restore(&api, &path);
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["error"], "DEVICE_PROVISIONING_FAILED");
    assert_eq!(
        response.reasons(),
        [(Value::Null, "devices".to_owned(), "device_limit".to_owned())]
    );
    assert_eq!(get(&api, &path)["client_status"], "ARCHIVED");
    let own = format!("/devices/{holder}");
    patch(&api, &own, &json!({"serial_number": "sn-1"}));
    let both = restore(&api, &path);
    let reasons: Vec<_> = both.reasons().into_iter().map(|entry| entry.2).collect();
    assert_eq!(reasons, ["device_limit", "already_exists"]);
    archive(&api, &own);
    assert_eq!(restore(&api, &path).status, 200);
}

#[test]
fn unknown_device_returns_404() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let path = create_archived(&api, json!({}));
    let foreign = api.call_as(&globex, "POST", &format!("{path}/restore"));
    foreign.assert_error(404, "DEVICE_NOT_FOUND");
    let unknown = api.call_as(&globex, "POST", "/devices/999/restore");
    assert_eq!(unknown.comparable(), foreign.comparable());
    for id in ["0", "042", "x", "-1"] {
        let response = api.call("POST", &format!("/devices/{id}/restore"));
        assert_eq!(response.status, 400, "{id}");
        assert_eq!(response.json()["errors"][0]["field"], "device_id", "{id}");
    }
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let response = api.call(method, &format!("{path}/restore"));
        response.assert_error(405, "METHOD_NOT_ALLOWED");
        assert_eq!(response.header("allow"), "POST");
    }
    let read = api.create_key("acme", "READ");
    let response = api.call_as(&read, "POST", &format!("{path}/restore"));
    response.assert_error(403, "INSUFFICIENT_SCOPE");
    assert_eq!(get(&api, &path)["client_status"], "ARCHIVED");
}

#[test]
fn stale_etag_prevents_restore() {
    let api = Api::start();
    let path = create_device_path(&api, json!({}));
    let active = get_etag(&api, &path);
    archive(&api, &path);
    let archived = get_etag(&api, &path);
    let restore_if = |etag: &str| {
        let path = format!("{path}/restore");
        api.call_with("POST", &path, &[("If-Match", etag)])
    };
    restore_if(&active).assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(restore_if("nonsense").status, 400);
    assert_eq!(get_etag(&api, &path), archived);
    let restored = restore_if(&format!("W/{archived}"));
    assert_eq!(restored.status, 200, "{}", restored.text);
    // An active device, too, must have the revision that the client knows.
    restore_if(&archived).assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(restore_if(restored.header("etag")).status, 200);
}

#[test]
fn body_is_absent_or_empty_object() {
    let api = Api::start();
    let path = create_archived(&api, json!({}));
    let route = format!("{path}/restore");
    let json_type = [("Content-Type", "application/json")];
    let lenient = [json_type[0], ("Prefer", "handling=lenient")];
    for (body, reason) in [
        ("{\"force\":true}", "unknown_field"),
        ("{\"color\":\"red\"}", "unknown_field"),
        ("null", "wrong_type"),
        ("[]", "wrong_type"),
        ("\"\"", "wrong_type"),
        ("{", "not_json"),
        (" ", "not_json"),
        ("{}{}", "not_json"),
    ] {
        for headers in [json_type.as_slice(), &lenient] {
            let response = api.send_text_with("POST", &route, headers, body);
            assert_eq!(response.status, 400, "{body}: {}", response.text);
            assert_eq!(response.reasons()[0].2, reason, "{body}");
        }
    }
    let without_type = api.send_text_with("POST", &route, &[], "{}");
    without_type.assert_media_type_rejected(&["application/json"], "no type");
    let text = [("Content-Type", "text/plain")];
    let response = api.send_text_with("POST", &route, &text, "{}");
    response.assert_media_type_rejected(&["application/json"], "text");
    assert_eq!(get(&api, &path)["client_status"], "ARCHIVED");

    let chunked = |text: &'static str| Body::new(Cursor::new(text));
    for (case, headers, body) in [
        ("an object", json_type.as_slice(), Body::from("{}")),
        ("an object with blanks", &json_type, Body::from(" { } \n")),
        ("an object in chunks", &json_type, chunked("{}")),
        ("no body", &[], Body::from("")),
        ("no body, but a type", &json_type, Body::from("")),
        ("no body, but a text type", &text, Body::from("")),
        ("no body in chunks", &[], chunked("")),
    ] {
        let response = api.send_text_with("POST", &route, headers, body);
        assert_eq!(response.status, 200, "{case}: {}", response.text);
        assert_eq!(
            response.json()["data"]["client_status"],
            "AVAILABLE",
            "{case}"
        );
        archive(&api, &path);
    }
    let unauthorized = send(api.request("POST", &route).body("{"));
    unauthorized.assert_error(401, "UNAUTHORIZED");
}

#[test]
fn one_of_several_restores_takes_serial_number() {
    let api = Api::start();
    let serial_number = json!({"serial_number": "WANTED-1"});
    let paths: Vec<_> = (0..6)
        .map(|_| create_archived(&api, serial_number.clone()))
        .collect();
    let statuses = race(paths.len() + 2, |racer| match paths.get(racer) {
        Some(path) => retry_while_unavailable(|| restore(&api, path)).status,
        None => {
            retry_while_unavailable(|| {
                api.post(&json!([devices_tests::device(serial_number.clone())]))
            })
            .status
        }
    });
    let succeeded = statuses.iter().filter(|status| **status < 300).count();
    let rejected = statuses.iter().filter(|status| **status == 400).count();
    assert_eq!((succeeded, rejected), (1, 7), "{statuses:?}");
    let found = api.get_json("/devices?serial_number=wanted-1");
    assert_eq!(found["meta"]["total"], 1);
}

#[test]
fn concurrent_restores_leave_one_event() {
    let api = Api::start();
    let path = create_archived(&api, json!({}));
    let statuses = race(6, |_| {
        retry_while_unavailable(|| restore(&api, &path)).status
    });
    assert_eq!(statuses, [200; 6]);
    let events = api.events();
    let restored = events.iter().filter(|event| event["action"] == "RESTORED");
    assert_eq!(restored.count(), 1);
}
