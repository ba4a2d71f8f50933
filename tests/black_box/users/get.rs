//! `GET /users/{user_id}`: ids, foreign users and READ keys.

use devices_tests::Api;
use serde_json::json;

use super::{GRACE, create, emails, status_and_body};

#[test]
fn malformed_user_id_is_rejected() {
    let api = Api::start();
    create(&api, GRACE, json!({}));
    let send_all = |id: &str| {
        let path = format!("/users/{id}");
        [
            api.call("GET", &path),
            api.send("PATCH", &path, &json!({"first_name": "Grace"})),
            api.call("DELETE", &path),
        ]
    };
    for id in [
        "042",
        "01",
        "0",
        "-1",
        "+1",
        "abc",
        "1x",
        "1.0",
        "%31x",
        "%201",
        "%EF%BC%91",
        "%00",
        "%ff",
    ] {
        for response in send_all(id) {
            response.assert_parameters_rejected(&["user_id"], id);
        }
    }
    for id in [
        "2",
        "9223372036854775807",
        "9223372036854775808",
        &"9".repeat(60),
    ] {
        for response in send_all(id) {
            assert_eq!(
                status_and_body(&response),
                (404, r#"{"error":"USER_NOT_FOUND"}"#.to_owned()),
                "{id}"
            );
        }
    }
    assert_eq!(api.get_json("/users")["meta"]["total"], 1);
}

#[test]
fn unknown_foreign_and_deleted_users_look_alike() {
    let api = Api::start();
    api.create_workspace("globex");
    let deleted = api.add_user("acme", "grace@acme.test");
    assert_eq!(api.call("DELETE", &format!("/users/{deleted}")).status, 200);
    let foreign = api.add_user("globex", "foreign@acme.test");
    let send_all = |id: i64| {
        let path = format!("/users/{id}");
        let responses = [
            api.call("GET", &path),
            api.send("PATCH", &path, &json!({"email": "taken@acme.test"})),
            api.send("PATCH", &path, &json!({})),
            api.send("PATCH", &path, &json!({"email": null})),
            api.call("DELETE", &path),
            api.call("GET", &format!("/devices?user_id={id}")),
        ];
        responses.map(|response| (status_and_body(&response), response.stable_headers()))
    };
    create(&api, "taken@acme.test", json!({}));
    let unknown = send_all(4711);
    assert_eq!(
        unknown[0].0,
        (404, r#"{"error":"USER_NOT_FOUND"}"#.to_owned())
    );
    assert_eq!(send_all(foreign)[..5], unknown[..5]);
    assert_eq!(send_all(deleted)[..5], unknown[..5]);
    let lists = [foreign, deleted].map(|id| send_all(id)[5].0.clone());
    assert_eq!(lists, [&unknown[5].0; 2].map(Clone::clone));
    let globex_emails = "SELECT email FROM users WHERE workspace_id = 2 AND deleted_at IS NULL";
    assert_eq!(api.database.texts(globex_emails), ["foreign@acme.test"]);
    let listed = api.get_json("/users");
    assert_eq!(emails(&listed), ["taken@acme.test"]);
}

#[test]
fn read_key_cannot_change_users() {
    let api = Api::start();
    create(&api, GRACE, json!({}));
    let read = api.create_key("acme", "READ");
    let body = json!({"email": "alan@acme.test"});
    let send = |method: &str, path: &str| api.send_as(&read, method, path, &body);
    assert_eq!(send("GET", "/users").status, 200);
    assert_eq!(send("GET", "/users/1").status, 200);
    for (method, path) in [
        ("POST", "/users"),
        ("PATCH", "/users/1"),
        ("DELETE", "/users/1"),
    ] {
        let response = send(method, path);
        assert_eq!(
            status_and_body(&response),
            (403, r#"{"error":"INSUFFICIENT_SCOPE"}"#.to_owned())
        );
    }
    assert_eq!(emails(&api.get_json("/users")), [GRACE]);
}
