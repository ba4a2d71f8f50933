//! `PATCH /users/{user_id}`.

use devices_tests::Api;
use serde_json::json;

use super::{GRACE, create, every_field};

#[test]
fn a_patch_of_a_user_leaves_what_is_absent_clears_what_is_null_and_sets_the_rest() {
    let api = Api::start();
    let created = create(&api, "grace@acme.test", {
        let mut fields = every_field();
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
        let answer = api.send("PATCH", "/users/1", &patch);
        assert_eq!(answer.status, 200, "{patch}: {}", answer.text);
        assert_eq!(answer.json(), json!({ "data": expected }), "{patch}");
        assert_eq!(api.list("/users/1"), json!({ "data": expected }), "{patch}");
    }
}

#[test]
fn address_and_role_cannot_be_cleared_and_a_patch_says_something() {
    let api = Api::start();
    let created = create(&api, GRACE, json!({"role": "ADMIN"}));
    for field in ["email", "role"] {
        let answer = api.send("PATCH", "/users/1", &json!({ field: null }));
        answer.assert_field_refused(field, "not_nullable", field);
    }
    let answer = api.send("PATCH", "/users/1", &json!({"email": null, "role": null}));
    assert_eq!(answer.json()["errors_total"], 2);
    let answer = api.send("PATCH", "/users/1", &json!({}));
    answer.assert_error(400, "EMPTY_PATCH_BODY");
    assert_eq!(api.list("/users/1")["data"], created);
}

#[test]
fn a_user_may_change_the_case_of_its_own_address() {
    let api = Api::start();
    create(&api, GRACE, json!({}));
    for email in ["GRACE@acme.test", GRACE, GRACE] {
        let answer = api.send("PATCH", "/users/1", &json!({ "email": email }));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["data"]["email"], email);
    }
}
