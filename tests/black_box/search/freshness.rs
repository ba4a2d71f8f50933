//! Changes are found at once, before and after indexing.

use devices_tests::{Api, execute};
use serde_json::{Value, json};

use super::{
    add_user, assert_found, assert_nothing, found, found_with, now_and_later, wait_until_indexed,
};

#[test]
fn a_renamed_assignee_is_found_by_its_new_name_alone_at_once() {
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
    now_and_later(&api, || {
        assert_found(&api, id, &["hopper", "grace hopp"]);
        assert_nothing(&api, &["murray"]);
    });
    rename("Vanderbilt");
    assert_found(&api, id, &["vanderbilt"]);
    assert_nothing(&api, &["hopper"]);
}

#[test]
fn a_device_that_is_given_to_another_is_found_by_the_other_alone_at_once() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let alan = add_user(&api, "alan@acme.test", "Alan", "Turing");
    let id = api.create_device(json!({"user_id": grace}));
    let give = |patch: Value| {
        let given = api.send("PATCH", &format!("/devices/{id}"), &patch);
        assert_eq!(given.status, 200, "{}", given.text);
    };
    give(json!({"user_id": alan}));
    now_and_later(&api, || {
        assert_found(&api, id, &["turing"]);
        assert_nothing(&api, &["hopper"]);
    });
    give(json!({"user_email": "grace@acme.test"}));
    assert_found(&api, id, &["hopper"]);
    assert_nothing(&api, &["turing"]);
    give(json!({"user_id": null}));
    assert_nothing(&api, &["turing", "hopper"]);
}

#[test]
fn a_changed_device_is_found_by_what_it_is_now_at_once() {
    let api = Api::start();
    // Changed before it is indexed, for as far as one can be that fast, and after.
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
    now_and_later(&api, || {
        assert_found(
            &api,
            id,
            &["midname", "midbrand", "mid-4711", "d-47", "midremark"],
        );
        assert_nothing(&api, &["oldname", "oldbrand", "old-4711", "oldremark"]);
    });
    change(json!({"name": "Newname", "brand": null, "serial_number": null, "comment": null}));
    assert_found(&api, id, &["newname"]);
    assert_nothing(
        &api,
        &["midname", "midbrand", "mid-4711", "d-47", "midremark"],
    );
}

#[test]
fn a_deleted_device_is_found_among_the_archived_ones_alone() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let row = || json!({"name": "Thinkpad", "serial_number": "SN-4711", "user_id": grace});
    // One of them is deleted before it is indexed, for as far as one can be that fast.
    let early = api.create_device(row());
    assert_eq!(api.ask("DELETE", &format!("/devices/{early}")).status, 200);
    let archived = |search: &str| found_with(&api, search, "&client_status=ARCHIVED");
    now_and_later(&api, || {
        assert_nothing(&api, &["thinkpad", "n-47", "hopper"]);
        assert_eq!(archived("thinkpad"), [early]);
    });
    let late = api.create_device(row());
    wait_until_indexed(&api);
    assert_found(&api, late, &["thinkpad", "n-47", "hopper"]);
    assert_eq!(api.ask("DELETE", &format!("/devices/{late}")).status, 200);
    assert_nothing(&api, &["thinkpad", "n-47", "hopper"]);
    for search in ["thinkpad", "n-47", "hopper", "sn-4711 grace"] {
        assert_eq!(archived(search), [late, early], "{search}");
    }
}

#[test]
fn new_devices_are_found_while_they_wait_to_be_indexed_and_once_afterwards() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    // Nobody can index anything until this ends.
    let mut holder = api.database.connect();
    execute(
        &mut holder,
        "BEGIN; LOCK TABLE device_search IN EXCLUSIVE MODE",
    );
    let ids = api.create_devices((0..30).map(|n| {
        let (name, serial_number) = (format!("Thinkpad {n}"), format!("SN-{n:04}"));
        json!({"name": name, "serial_number": serial_number, "user_id": grace})
    }));
    let twice = api.create_device(json!({"name": "Latecomer"}));
    let newest_first: Vec<i64> = ids.iter().rev().copied().collect();
    let all_are_found = || {
        for search in ["thinkp", "sn-00", "hopper", "n-00"] {
            assert_eq!(found(&api, search), newest_first, "{search}");
        }
        assert_found(&api, twice, &["latecomer"]);
        assert_found(&api, ids[7], &["thinkpad sn-0007", "-0007 hopper"]);
    };
    all_are_found();
    assert_eq!(api.database.count("device_search_queue"), 2);
    assert_eq!(api.database.count("device_search"), 0);
    execute(&mut holder, "COMMIT");
    wait_until_indexed(&api);
    all_are_found();
    assert_eq!(api.database.count("device_search"), 31);
}
