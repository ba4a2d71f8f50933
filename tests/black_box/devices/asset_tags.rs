//! Asset tags: unique like serial numbers, and found like them.

use devices_tests::{Api, device, race};
use serde_json::{Value, json};

use super::{assert_rejected, create_device_path, get, patch};

/// Returns the pointer, the reason and the code of each error.
fn errors(body: &Value) -> Vec<[&str; 3]> {
    let entries = body["errors"].as_array().unwrap().iter();
    entries
        .map(|entry| ["pointer", "reason", "code"].map(|name| entry[name].as_str().unwrap()))
        .collect()
}

#[test]
fn asset_tags_are_compared_after_folding() {
    let api = Api::start();
    let id = api.create_device(json!({"asset_tag": " it  0042 "}));
    assert_eq!(
        get(&api, &format!("/devices/{id}"))["asset_tag"],
        "it  0042"
    );
    let response = api.post(&json!([
        device(json!({"asset_tag": "new"})),
        device(json!({"asset_tag": "IT 0042"})),
        device(json!({"asset_tag": "NEW"})),
    ]));
    assert_eq!(response.status, 400, "{}", response.text);
    let body = response.json();
    assert_eq!(body["error"], "INVALID_ASSET_TAG");
    assert_eq!(
        errors(&body),
        [
            [
                "/devices/1/asset_tag",
                "already_exists",
                "INVALID_ASSET_TAG"
            ],
            ["/devices/2/asset_tag", "duplicate", "INVALID_ASSET_TAG"],
        ]
    );
    assert_eq!(body["errors"][0]["existing_device_id"], id);
    assert_eq!(body["errors"][1]["duplicate_of"], 0);
}

#[test]
fn error_is_the_code_of_the_first_entry() {
    let api = Api::start();
    api.create_device(json!({"asset_tag": "T1", "serial_number": "S1"}));
    let rejected = |rows: Value| api.post(&rows).json()["error"].clone();
    let both = device(json!({"asset_tag": "T1", "serial_number": "S1"}));
    assert_eq!(rejected(json!([both])), "INVALID_SERIAL_NUMBER");
    let tag = device(json!({"asset_tag": "T1"}));
    let serial = device(json!({"serial_number": "S1"}));
    assert_eq!(rejected(json!([tag, serial])), "INVALID_ASSET_TAG");
    assert_eq!(
        rejected(json!([device(json!({"asset_tag": "É"}))])),
        "INVALID_ASSET_TAG"
    );
}

#[test]
fn archived_device_frees_its_asset_tag() {
    let api = Api::start();
    let path = create_device_path(&api, json!({"asset_tag": "T1"}));
    assert_eq!(api.call("DELETE", &path).status, 200);
    let holder = api.create_device(json!({"asset_tag": "t1"}));
    let restored = api.send("POST", &format!("{path}/restore"), &json!({}));
    assert_eq!(restored.status, 400, "{}", restored.text);
    let body = restored.json();
    assert_eq!(body["error"], "INVALID_ASSET_TAG");
    assert_eq!(body["errors"][0]["existing_device_id"], holder);
    patch(
        &api,
        &format!("/devices/{holder}"),
        &json!({"asset_tag": "T2"}),
    );
    let restored = api.send("POST", &format!("{path}/restore"), &json!({}));
    assert_eq!(restored.status, 200, "{}", restored.text);
}

#[test]
fn patch_with_taken_asset_tag_is_rejected() {
    let api = Api::start();
    api.create_device(json!({"asset_tag": "T1"}));
    let path = create_device_path(&api, json!({"asset_tag": "T2"}));
    patch(&api, &path, &json!({"asset_tag": "t2"}));
    let rejected = api.send("PATCH", &path, &json!({"asset_tag": "t1"}));
    let body = assert_rejected(&rejected, 400, &[("asset_tag", "already_exists")]);
    assert_eq!(body["error"], "INVALID_ASSET_TAG");
    patch(&api, &path, &json!({"asset_tag": null}));
    assert_eq!(get(&api, &path)["asset_tag"], Value::Null);
}

#[test]
fn filter_and_search_find_asset_tags() {
    let api = Api::start();
    let id = api.create_device(json!({"asset_tag": "Inv-0042/7", "model": "Zephyrus",
        "tags": ["loanpool"], "attributes": {"Room": "Sputnik"}}));
    api.create_device(json!({}));
    let found = |query: &str| {
        let list = api.get_json(&format!("/devices?{query}"));
        devices_tests::ids(&list["data"])
    };
    assert_eq!(found("asset_tag=%20inv-0042%2f7"), [id]);
    for impossible in ["%C3%89", "%23%23", &"x".repeat(65)] {
        assert_eq!(found(&format!("asset_tag={impossible}")), [0; 0]);
    }
    for word in ["inv-0042", "042/7", "zephyr", "loanp", "sputnik"] {
        assert_eq!(found(&format!("search={word}")), [id], "{word}");
    }
    assert_eq!(api.call("GET", "/devices?asset_tag=").status, 400);
}

#[test]
fn asset_tags_are_unique_per_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.create_device_as(&globex, json!({"asset_tag": "T1"}));
    api.create_device(json!({"asset_tag": "T1"}));
    let list = api.call_as(&globex, "GET", "/devices?asset_tag=T1").json();
    assert_eq!(list["meta"]["total"], 1);
}

#[test]
fn one_of_racing_batches_gets_asset_tags() {
    let api = Api::start();
    let responses = race(8, |number| {
        let rows = (0..5).map(|row| {
            let row = if number % 2 == 0 { row } else { 4 - row };
            device(json!({"asset_tag": format!("T{row}")}))
        });
        api.post(&json!(rows.collect::<Vec<_>>()))
    });
    let created = responses.iter().filter(|response| response.status == 201);
    assert_eq!(created.count(), 1);
    for response in responses.iter().filter(|response| response.status != 201) {
        assert_eq!(response.status, 400, "{}", response.text);
        assert_eq!(response.json()["errors_total"], 5);
    }
    assert_eq!(api.database.count("devices"), 5);
}

#[test]
fn idempotent_replay_returns_the_same_response() {
    let api = Api::start();
    let body = json!({"devices": [device(json!({"asset_tag": "T1", "attributes": {"a": "b"}}))]});
    let post = || api.send_with("POST", "/devices", &[("Idempotency-Key", "k1")], &body);
    let (first, second) = (post(), post());
    assert_eq!((first.status, second.status), (201, 201), "{}", second.text);
    assert_eq!(first.text, second.text);
    let created = &first.json()["data"]["devices"][0];
    for field in ["asset_tag", "model", "tags", "attributes"] {
        assert!(created.get(field).is_none(), "{field}");
    }
}
