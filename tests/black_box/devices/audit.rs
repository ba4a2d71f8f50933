//! The audit trail of a device.

use devices_tests::Api;
use serde_json::json;

use super::{create_device_path, patch};

#[test]
fn audit_trail_records_device_changes() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = create_device_path(&api, json!({"color": "black"}));
    let headers = [("X-Request-Id", "repaint-17")];
    let body = json!({"color": "red", "name": "Painted one", "client_rental_endDate": "2030-01-01",
        "brand": null});
    assert_eq!(api.send_with("PATCH", &path, &headers, &body).status, 200);
    patch(&api, &path, &json!({"user_email": "ada@example.com"}));
    patch(&api, &path, &json!({"user_id": null}));
    // Rejected requests and patches without a change leave no event.
    assert_eq!(api.send("PATCH", &path, &json!({"color": 1})).status, 400);
    assert_eq!(
        api.send("PATCH", &path, &json!({"user_id": ada + 9}))
            .status,
        404
    );
    assert_eq!(
        api.send("PATCH", &path, &json!({"color": "red"})).status,
        200
    );
    let stale = api.call_with("DELETE", &path, &[("If-Match", "\"x\"")]);
    assert_eq!(stale.status, 412);
    assert_eq!(api.call("DELETE", &path).status, 200);
    assert_eq!(api.call("DELETE", &path).status, 404);
    assert_eq!(
        api.send("PATCH", &path, &json!({"color": "blue"})).status,
        403
    );

    let events = api.events();
    let device_events = events
        .iter()
        .filter(|event| event["device_ids"] != json!([]));
    let actual: Vec<_> = device_events
        .map(|event| {
            let mut fields: Vec<_> = event["fields"]
                .as_array()
                .unwrap()
                .iter()
                .map(|field| field.as_str().unwrap())
                .collect();
            fields.sort_unstable();
            assert_eq!(event["device_ids"], json!([1]));
            assert_eq!(event["key_id"], 1);
            (event["action"].as_str().unwrap(), fields)
        })
        .collect();
    assert_eq!(
        actual,
        [
            ("CREATED", vec![]),
            ("UPDATED", vec!["client_rental_endDate", "color", "name"]),
            ("UPDATED", vec!["user_id"]),
            ("UPDATED", vec!["user_id"]),
            ("DELETED", vec![]),
        ]
    );
    let repaint = events
        .iter()
        .find(|event| event["client_request_id"] == "repaint-17");
    assert_eq!(repaint.unwrap()["action"], "UPDATED");
    // The audit trail records field names, never values.
    assert!(!json!(events).to_string().contains("Painted one"));
}
