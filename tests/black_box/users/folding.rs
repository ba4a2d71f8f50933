//! Spellings of one email address.

use devices_tests::Api;
use serde_json::json;

use super::create;

/// Spellings of one address: case, one or two characters for `â`, and `ß` for `ss`.
const SPELLINGS: [&str; 5] = [
    "grâce@straße.test",
    "GRÂCE@STRASSE.TEST",
    "gra\u{302}ce@strasse.test",
    "GRA\u{302}CE@STRAẞE.TEST",
    "Grâce@Strasse.Test",
];

#[test]
fn spellings_are_one_address() {
    let api = Api::start();
    let grace = create(&api, SPELLINGS[0], json!({}));
    let alan = create(&api, "alan@acme.test", json!({}));
    for email in SPELLINGS {
        let response = api.send("POST", "/users", &json!({ "email": email }));
        assert_eq!(response.status, 400, "{email}");
        assert_eq!(response.json()["error"], "USER_EMAIL_CONFLICT", "{email}");
        let path = format!("/users/{}", alan["id"]);
        let response = api.send("PATCH", &path, &json!({ "email": email }));
        assert_eq!(response.json()["error"], "USER_EMAIL_CONFLICT", "{email}");
        // The user itself may change the spelling, which is returned as sent.
        let path = format!("/users/{}", grace["id"]);
        let response = api.send("PATCH", &path, &json!({ "email": email }));
        assert_eq!(response.json()["data"]["email"], email);
    }
}

#[test]
fn spellings_of_user_email_name_one_user() {
    let api = Api::start();
    let grace = create(&api, SPELLINGS[0], json!({}))["id"].clone();
    // In one batch, and beside the id.
    let devices = SPELLINGS.map(|email| json!({"user_email": email}));
    for id in api.create_devices(devices) {
        let device = api.get_json(&format!("/devices/{id}"));
        assert_eq!(device["data"]["user_id"], grace);
        for email in SPELLINGS {
            let body = json!({"user_id": grace, "user_email": email});
            let response = api.send("PATCH", &format!("/devices/{id}"), &body);
            assert_eq!(response.status, 200, "{email}: {}", response.text);
        }
    }
}

#[test]
fn dotless_i_is_another_letter() {
    let api = Api::start();
    create(&api, "irem@acme.test", json!({}));
    let response = api.send("POST", "/users", &json!({"email": "IREM@ACME.TEST"}));
    assert_eq!(response.json()["error"], "USER_EMAIL_CONFLICT");
    create(&api, "ırem@acme.test", json!({}));
}
