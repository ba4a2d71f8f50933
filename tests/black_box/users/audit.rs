//! The audit trail of a user.

use devices_tests::{Api, run};
use serde_json::{Value, json};

use super::GRACE;

#[test]
fn audit_trail_records_user_changes() {
    let api = Api::start();
    let created = api.send(
        "POST",
        "/users",
        &json!({"email": GRACE, "first_name": "Grace"}),
    );
    let patch = json!({"first_name": "Amazing Grace", "last_name": "Hopper", "role": "EMPLOYEE"});
    let updated = api.send("PATCH", "/users/1", &patch);
    let unchanged = api.send("PATCH", "/users/1", &json!({"last_name": "Hopper"}));
    let rejected = api.send("PATCH", "/users/1", &json!({"role": null}));
    let deleted = api.call("DELETE", "/users/1");
    let unknown = api.call("DELETE", "/users/1");
    let statuses = [
        &created, &updated, &unchanged, &rejected, &deleted, &unknown,
    ];
    assert_eq!(
        statuses.map(|response| response.status),
        [201, 200, 200, 400, 200, 404]
    );

    let events = api.events();
    let expected = [
        ("CREATED", &created, json!([])),
        ("UPDATED", &updated, json!(["first_name", "last_name"])),
        ("DELETED", &deleted, json!([])),
    ];
    assert_eq!(events.len(), expected.len(), "{events:?}");
    for (event, (action, response, fields)) in events.iter().zip(expected) {
        assert_eq!(event["action"], action);
        assert_eq!(event["user_id"], 1);
        assert_eq!(event["key_id"], 1);
        assert_eq!(event["fields"], fields);
        assert_eq!(event["device_ids"], json!([]));
        assert_eq!(event["enrollment_id"], Value::Null);
        assert_eq!(event["request_id"], response.header("x-request-id"));
    }
    // The audit trail records field names, never values.
    let text = json!(events).to_string();
    for value in ["grace", "Grace", "Hopper"] {
        assert!(!text.contains(value), "{text}");
    }
    let text = run(&api.database, &["audit", "--workspace", "acme"]).stdout;
    assert!(
        text.contains("UPDATED  user 1 (first_name, last_name)"),
        "{text}"
    );
}
