//! The audit event of an export.

use devices_tests::Api;
use serde_json::json;

use super::export;

#[test]
fn export_writes_event_without_values() {
    let api = Api::start();
    api.create_devices([
        json!({"type": "phone", "tags": ["secret project"], "attributes": {"owner name": "Ada"}}),
        json!({"type": "phone"}),
        json!({}),
    ]);
    export(&api, "?format=csv&type=phone");
    export(
        &api,
        "?tag=secret%20project&attributes.owner%20name=Ada&updated_since=2020-01-01",
    );
    export(&api, "");
    let rejected = api.call("GET", "/devices/export?format=pdf");
    assert_eq!(rejected.status, 400);

    let mut events = api.events();
    events.retain(|event| event["action"] == "EXPORTED");
    let summary: Vec<_> = events
        .iter()
        .map(|event| (&event["fields"], &event["item_count"], &event["key_id"]))
        .collect();
    assert_eq!(
        summary,
        [
            (&json!(["type"]), &json!(2), &json!(1)),
            (
                &json!(["updated_since", "tag", "attributes"]),
                &json!(1),
                &json!(1)
            ),
            (&json!([]), &json!(3), &json!(1)),
        ]
    );
    assert!(events[0]["request_id"].is_string());
    let text = json!(events).to_string();
    for value in ["phone", "secret", "owner", "Ada"] {
        assert!(!text.contains(value), "{text}");
    }
}
