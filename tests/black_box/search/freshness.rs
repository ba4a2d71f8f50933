//! Search after changes, before and after indexing.

use devices_tests::{Api, execute};
use serde_json::{Value, json};

use super::{
    add_user, assert_found, assert_none_found, before_and_after_indexing, search, search_with,
    wait_until_indexed,
};

#[test]
fn renamed_assignee_is_found_by_new_name() {
    let api = Api::start();
    let grace = add_user(&api, "gh@acme.test", "Grace", "Murray");
    let id = api.create_device(json!({"user_id": grace}));
    assert_found(&api, id, &["murray"]);
    let rename = |name: &str| {
        let patch = json!({ "last_name": name });
        let renamed = api.send("PATCH", &format!("/users/{grace}"), &patch);
        assert_eq!(renamed.status, 200);
    };
    rename("Hopper");
    before_and_after_indexing(&api, || {
        assert_found(&api, id, &["hopper", "grace hopp"]);
        assert_none_found(&api, &["murray"]);
    });
    rename("Vanderbilt");
    assert_found(&api, id, &["vanderbilt"]);
    assert_none_found(&api, &["hopper"]);
}

#[test]
fn reassigned_device_is_found_by_new_assignee() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let alan = add_user(&api, "alan@acme.test", "Alan", "Turing");
    let id = api.create_device(json!({"user_id": grace}));
    let assign = |patch: Value| {
        let assigned = api.send("PATCH", &format!("/devices/{id}"), &patch);
        assert_eq!(assigned.status, 200, "{}", assigned.text);
    };
    assign(json!({"user_id": alan}));
    before_and_after_indexing(&api, || {
        assert_found(&api, id, &["turing"]);
        assert_none_found(&api, &["hopper"]);
    });
    assign(json!({"user_email": "grace@acme.test"}));
    assert_found(&api, id, &["hopper"]);
    assert_none_found(&api, &["turing"]);
    assign(json!({"user_id": null}));
    assert_none_found(&api, &["turing", "hopper"]);
}

#[test]
fn updated_device_is_found_by_new_values() {
    let api = Api::start();
    // The first change usually happens before the device is indexed, the second one after.
    let id = api.create_device(json!({
        "name": "Oldname", "brand": "Oldbrand", "serial_number": "OLD-4711", "comment": "Oldremark",
    }));
    let change = |patch: Value| {
        let changed = api.send("PATCH", &format!("/devices/{id}"), &patch);
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    change(json!({
        "name": "Midname", "brand": "Midbrand", "serial_number": "MID-4711", "comment": "Midremark",
    }));
    before_and_after_indexing(&api, || {
        assert_found(
            &api,
            id,
            &["midname", "midbrand", "mid-4711", "d-47", "midremark"],
        );
        assert_none_found(&api, &["oldname", "oldbrand", "old-4711", "oldremark"]);
    });
    change(json!({"name": "Newname", "brand": null, "serial_number": null, "comment": null}));
    assert_found(&api, id, &["newname"]);
    assert_none_found(
        &api,
        &["midname", "midbrand", "mid-4711", "d-47", "midremark"],
    );
}

#[test]
fn deleted_device_is_found_as_archived_only() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let row = || json!({"name": "Thinkpad", "serial_number": "SN-4711", "user_id": grace});
    // The first device is usually deleted before it is indexed.
    let early = api.create_device(row());
    assert_eq!(api.call("DELETE", &format!("/devices/{early}")).status, 200);
    let archived = |search: &str| search_with(&api, search, "&client_status=ARCHIVED");
    before_and_after_indexing(&api, || {
        assert_none_found(&api, &["thinkpad", "n-47", "hopper"]);
        assert_eq!(archived("thinkpad"), [early]);
    });
    let late = api.create_device(row());
    wait_until_indexed(&api);
    assert_found(&api, late, &["thinkpad", "n-47", "hopper"]);
    assert_eq!(api.call("DELETE", &format!("/devices/{late}")).status, 200);
    assert_none_found(&api, &["thinkpad", "n-47", "hopper"]);
    for search in ["thinkpad", "n-47", "hopper", "sn-4711 grace"] {
        assert_eq!(archived(search), [late, early], "{search}");
    }
}

#[test]
fn unindexed_devices_are_found_once() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    // The lock prevents indexing until the transaction ends.
    let mut indexing_lock = api.database.connect();
    execute(
        &mut indexing_lock,
        "BEGIN; LOCK TABLE search_documents IN EXCLUSIVE MODE",
    );
    let ids = api.create_devices((0..30).map(|n| {
        let (name, serial_number) = (format!("Thinkpad {n}"), format!("SN-{n:04}"));
        json!({"name": name, "serial_number": serial_number, "user_id": grace})
    }));
    let latecomer = api.create_device(json!({"name": "Latecomer"}));
    let newest_first: Vec<i64> = ids.iter().rev().copied().collect();
    let assert_all_found = || {
        for text in ["thinkp", "sn-00", "hopper", "n-00"] {
            assert_eq!(search(&api, text), newest_first, "{text}");
        }
        assert_found(&api, latecomer, &["latecomer"]);
        assert_found(&api, ids[7], &["thinkpad sn-0007", "-0007 hopper"]);
    };
    assert_all_found();
    assert_eq!(api.database.count("search_queue"), 2);
    assert_eq!(api.database.count("search_documents"), 0);
    execute(&mut indexing_lock, "COMMIT");
    wait_until_indexed(&api);
    assert_all_found();
    assert_eq!(api.database.count("search_documents"), 31);
}
