//! Events and their pages.

use devices_tests::{Api, device, run};
use serde_json::{Value, json};

use super::{after, cursor, end_of_feed, events, types};

/// Makes a change of every kind. Returns the id of the device and of the user.
fn make_changes(api: &Api) -> (i64, i64) {
    let device = api.create_device(json!({"serial_number": "SN1"}));
    let path = format!("/devices/{device}");
    let patch = json!({"color": "a very confidential color"});
    assert_eq!(api.send("PATCH", &path, &patch).status, 200);
    assert_eq!(api.call("DELETE", &path).status, 200);
    assert_eq!(api.call("POST", &format!("{path}/restore")).status, 200);
    let user = api.send("POST", "/users", &json!({"email": "ada@example.com"}));
    let user = user.json()["data"]["id"].as_i64().unwrap();
    let path = format!("/users/{user}");
    let patch = json!({"first_name": "Augusta Ada"});
    assert_eq!(api.send("PATCH", &path, &patch).status, 200);
    assert_eq!(api.call("DELETE", &path).status, 200);
    let path = "/mdm/enrollments/SN1";
    for status in ["ENROLLED", "UNENROLLED"] {
        let put = api.send("PUT", path, &json!({ "status": status }));
        assert!(put.status < 300, "{}", put.text);
    }
    assert_eq!(api.call("DELETE", path).status, 200);
    (device, user)
}

#[test]
fn every_change_is_an_event() {
    let api = Api::start();
    let (device, user) = make_changes(&api);
    let page = api.page("/events");
    let all = events(&page);
    let expected = [
        "device.created",
        "device.updated",
        "device.archived",
        "device.restored",
        "user.created",
        "user.updated",
        "user.deleted",
        "enrollment.created",
        "enrollment.updated",
        "enrollment.deleted",
    ];
    assert_eq!(types(&all), expected);
    assert_eq!(page.json()["meta"]["has_more"], false);
    assert_eq!(page.header("cache-control"), "no-store");
    let created = &all[0];
    let id: i64 = created["id"].as_str().unwrap().parse().unwrap();
    let request_id = created["request_id"].as_str().unwrap();
    let occurred_at = created["occurred_at"].as_str().unwrap();
    assert!(
        request_id.len() >= 32 && occurred_at.ends_with('Z'),
        "{created}"
    );
    assert_eq!(
        created,
        &json!({
            "id": id.to_string(),
            "type": "device.created",
            "occurred_at": occurred_at,
            "batch_id": id,
            "device_ids": [device],
            "fields": [],
            "key": {"id": 1, "name": "test"},
            "request_id": request_id,
        })
    );
    assert_eq!(all[1]["fields"], json!(["color"]));
    assert_eq!(all[1]["batch_id"], Value::Null);
    for event in &all[4..7] {
        assert_eq!(event["user_id"], user);
        assert_eq!(event["device_ids"], json!([]));
    }
    assert!(all[7]["enrollment_id"].is_i64(), "{}", all[7]);
    assert!(!page.text.contains("confidential") && !page.text.contains("Augusta"));
}

#[test]
fn rejected_and_unchanged_requests_leave_no_event() {
    let api = Api::start();
    let device = api.create_device(json!({"color": "red"}));
    let end = end_of_feed(&api);
    let path = format!("/devices/{device}");
    assert_eq!(
        api.send("PATCH", &path, &json!({"color": "red"})).status,
        200
    );
    assert_eq!(api.send("PATCH", &path, &json!({"color": 7})).status, 400);
    assert_eq!(api.post(&json!([device_without_name()])).status, 400);
    let page = api.page(&after(&end));
    assert_eq!(events(&page), [] as [Value; 0]);
    assert_eq!(cursor(&page), end);
}

fn device_without_name() -> Value {
    device(json!({"name": ""}))
}

#[test]
fn pages_contain_each_event_once() {
    let api = Api::start();
    let ids: Vec<_> = (0..7).map(|_| api.create_device(json!({}))).collect();
    let mut path = "/platform/v1/events?limit=3".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = api.page(&path);
        let all = events(&page);
        let devices = all
            .iter()
            .map(|event| event["device_ids"][0].as_i64().unwrap());
        pages.push(devices.collect::<Vec<_>>());
        path = format!("{}&limit=3", after(&cursor(&page)));
        if page.json()["meta"]["has_more"] == false {
            break;
        }
    }
    assert_eq!(pages, [&ids[..3], &ids[3..6], &ids[6..]]);
    assert_eq!(events(&api.page(&path)), [] as [Value; 0]);
    let newest = api.create_device(json!({}));
    assert_eq!(events(&api.page(&path))[0]["device_ids"], json!([newest]));
}

#[test]
fn type_selects_events() {
    let api = Api::start();
    make_changes(&api);
    let end = end_of_feed(&api);
    for name in types(&events(&api.page("/events"))) {
        let page = api.page(&format!("/events?type={name}"));
        assert_eq!(types(&events(&page)), [name]);
        // The reader need not read the other events again.
        assert_eq!(cursor(&page), end, "{name}");
    }
    assert_eq!(
        events(&api.page("/events?type=batch.undone")),
        [] as [Value; 0]
    );
}

#[test]
fn read_key_reads_only_its_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.create_device(json!({}));
    let theirs = api.create_device_as(&globex, json!({}));
    let read = api.create_key("globex", "READ");
    let page = api.call_as(&read, "GET", "/events");
    let all = events(&page);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["device_ids"], json!([theirs]));
    assert_eq!(api.call("GET", &after(&cursor(&page))).status, 400);
}

#[test]
fn purge_expires_the_cursors_before_it() {
    let api = Api::start();
    let start = end_of_feed(&api);
    api.create_device(json!({}));
    let read = end_of_feed(&api);
    api.database
        .execute("UPDATE device_events SET occurred_at = now() - interval '40 days'");
    let purged = run(&api.database, &["purge", "--events-older-than", "30d"]);
    assert_eq!(purged.code, 0, "{purged:?}");
    let response = api.call("GET", &after(&start));
    assert_eq!(response.status, 410, "{}", response.text);
    assert_eq!(response.json()["error"], "CURSOR_EXPIRED");
    let message = response.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("without after"), "{message}");
    let device = api.create_device(json!({}));
    for path in [after(&read), "/events".to_owned()] {
        let all = events(&api.page(&path));
        assert_eq!(all.len(), 1);
        assert_eq!(all[0]["device_ids"], json!([device]));
    }
}

#[test]
fn erased_user_leaves_the_feed_valid() {
    let api = Api::start();
    let (_, user) = make_changes(&api);
    let end = end_of_feed(&api);
    let user = user.to_string();
    let erased = ["user", "erase", "--workspace", "acme", &user, "--yes"];
    let erased = run(&api.database, &erased);
    assert_eq!(erased.code, 0, "{erased:?}");
    let before = types(&events(&api.page("/events"))).len();
    assert_eq!(before, 10);
    api.create_device(json!({}));
    assert_eq!(events(&api.page(&after(&end))).len(), 1);
}

#[test]
fn events_of_a_batch_have_its_number() {
    let api = Api::start();
    let known = api.create_device(json!({"serial_number": "SN1"}));
    let end = end_of_feed(&api);
    let rows = [
        device(json!({"serial_number": "SN1", "color": "red"})),
        device(json!({"serial_number": "SN2"})),
    ];
    let path = "/devices?on_conflict=update";
    let stored = api.send("POST", path, &json!({ "devices": rows }));
    assert_eq!(stored.status, 200, "{}", stored.text);
    let batch = stored.json()["data"]["batch"]["id"].clone();
    let created = stored.json()["data"]["results"][1]["device_id"].clone();
    let undone = api.call("POST", &format!("/batches/{batch}/undo"));
    assert_eq!(undone.status, 200, "{}", undone.text);
    let all = events(&api.page(&after(&end)));
    let expected = [
        ("device.created", json!([created])),
        ("device.updated", json!([known])),
        ("device.archived", json!([created])),
        ("batch.undone", json!([])),
    ];
    for (event, (name, devices)) in all.iter().zip(&expected) {
        assert_eq!(
            (&event["type"], &event["device_ids"]),
            (&json!(name), devices)
        );
        assert_eq!(event["batch_id"], batch);
    }
    assert_eq!(all.len(), expected.len());
    assert_eq!(all[0]["id"], batch.to_string());
    // The times order the events of a device.
    for (event, device) in [(&all[1], &json!(known)), (&all[2], &created)] {
        let device = api.get_json(&format!("/devices/{device}"));
        assert_eq!(event["occurred_at"], device["data"]["updated_at"]);
    }
    let page = api.page("/events?type=batch.undone");
    assert_eq!(types(&events(&page)), ["batch.undone"]);
}
