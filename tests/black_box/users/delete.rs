//! `DELETE /users/{user_id}`.

use std::sync::Barrier;

use devices_tests::{Api, device};
use serde_json::json;

use super::{create, emails, status_and_body};

#[test]
fn deleted_user_is_returned_then_not_found() {
    let api = Api::start();
    let created = create(&api, "grace@acme.test", json!({"first_name": "Grace"}));
    create(&api, "alan@acme.test", json!({}));
    let deleted = api.call("DELETE", "/users/1");
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    assert_eq!(deleted.json(), json!({ "data": created }));
    let not_found = (404, r#"{"error":"USER_NOT_FOUND"}"#.to_owned());
    assert_eq!(status_and_body(&api.call("DELETE", "/users/1")), not_found);
    assert_eq!(status_and_body(&api.call("GET", "/users/1")), not_found);
    let patch = json!({"first_name": "Amazing Grace"});
    assert_eq!(
        status_and_body(&api.send("PATCH", "/users/1", &patch)),
        not_found
    );
    assert_eq!(emails(&api.get_json("/users")), ["alan@acme.test"]);
    assert_eq!(api.get_json("/users?search=grace")["meta"]["total"], 0);
}

#[test]
fn user_with_active_device_cannot_be_deleted() {
    let api = Api::start();
    for (index, release) in ["unassigned", "deleted", "reassigned"].iter().enumerate() {
        let user = create(&api, &format!("user{index}@acme.test"), json!({}))["id"].clone();
        let other = create(&api, &format!("other{index}@acme.test"), json!({}))["id"].clone();
        let id = api.create_device(json!({"user_id": user}));
        let path = format!("/users/{user}");
        let blocked = api.call("DELETE", &path);
        assert_eq!(blocked.status, 403, "{release}: {}", blocked.text);
        assert_eq!(blocked.json()["error"], "USER_DELETE_BLOCKED");
        assert_eq!(api.call("GET", &path).status, 200);
        let device = format!("/devices/{id}");
        let released = match *release {
            "unassigned" => api.send("PATCH", &device, &json!({"user_id": null})),
            "deleted" => api.call("DELETE", &device),
            _ => api.send("PATCH", &device, &json!({"user_id": other})),
        };
        assert_eq!(released.status, 200, "{release}: {}", released.text);
        assert_eq!(api.call("DELETE", &path).status, 200, "{release}");
        assert_eq!(api.call("GET", &path).status, 404, "{release}");
    }
}

#[test]
fn concurrent_assign_and_delete_stay_consistent() {
    let api = Api::start();
    for round in 0..10 {
        let user = api.add_user("acme", &format!("user{round}@acme.test"));
        let start = Barrier::new(2);
        let (deleted, created) = std::thread::scope(|scope| {
            let deleting = scope.spawn(|| {
                start.wait();
                api.call("DELETE", &format!("/users/{user}"))
            });
            start.wait();
            let created = api.post(&json!([device(json!({"user_id": user}))]));
            (deleting.join().unwrap(), created)
        });
        let outcome = (deleted.status, created.status);
        assert!([(200, 404), (403, 201)].contains(&outcome), "{outcome:?}");
    }
    let orphans = "SELECT devices.id FROM devices \
                   JOIN users ON users.workspace_id = devices.workspace_id \
                       AND users.id = devices.user_id \
                   WHERE users.deleted_at IS NOT NULL";
    assert_eq!(api.database.texts(orphans), [""; 0]);
}
