//! `PATCH /users/{user_id}`.

use devices_tests::Api;
use serde_json::json;

use super::{GRACE, complete_user, create};

#[test]
fn patch_changes_only_named_user_fields() {
    let api = Api::start();
    let created = create(&api, "grace@acme.test", {
        let mut fields = complete_user();
        fields.as_object_mut().unwrap().remove("email");
        fields
    });
    let mut expected = created;
    for (patch, changed) in [
        (
            json!({"first_name": "Amazing Grace"}),
            json!({"first_name": "Amazing Grace"}),
        ),
        (
            json!({"last_name": null, "phone": ""}),
            json!({"last_name": null, "phone": null}),
        ),
        (
            json!({"role": "EMPLOYEE", "departure_date": null, "position": "Commodore"}),
            json!({"role": "EMPLOYEE", "departure_date": null, "position": "Commodore"}),
        ),
        (
            json!({"email": "hopper@acme.test"}),
            json!({"email": "hopper@acme.test"}),
        ),
        (json!({"first_name": "Amazing Grace"}), json!({})),
        (
            json!({"phone_country": null, "language": null, "arrival_date": null}),
            json!({"phone_country": null, "language": null, "arrival_date": null}),
        ),
    ] {
        let changed = changed.as_object().unwrap().clone();
        expected.as_object_mut().unwrap().extend(changed);
        let response = api.send("PATCH", "/users/1", &patch);
        assert_eq!(response.status, 200, "{patch}: {}", response.text);
        assert_eq!(response.json(), json!({ "data": expected }), "{patch}");
        assert_eq!(
            api.get_json("/users/1"),
            json!({ "data": expected }),
            "{patch}"
        );
    }
}

#[test]
fn patch_cannot_clear_email_or_be_empty() {
    let api = Api::start();
    let created = create(&api, GRACE, json!({"role": "ADMIN"}));
    for field in ["email", "role"] {
        let response = api.send("PATCH", "/users/1", &json!({ field: null }));
        response.assert_field_rejected(field, "not_nullable", field);
    }
    let response = api.send("PATCH", "/users/1", &json!({"email": null, "role": null}));
    assert_eq!(response.json()["errors_total"], 2);
    let response = api.send("PATCH", "/users/1", &json!({}));
    response.assert_error(400, "EMPTY_PATCH_BODY");
    assert_eq!(api.get_json("/users/1")["data"], created);
}

#[test]
fn own_email_may_change_case() {
    let api = Api::start();
    create(&api, GRACE, json!({}));
    for email in ["GRACE@acme.test", GRACE, GRACE] {
        let response = api.send("PATCH", "/users/1", &json!({ "email": email }));
        assert_eq!(response.status, 200, "{}", response.text);
        assert_eq!(response.json()["data"]["email"], email);
    }
}
