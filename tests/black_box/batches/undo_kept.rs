//! Devices that an undo keeps, and those that it does not.

use devices_tests::{Api, run};
use serde_json::json;

use super::{
    active_devices, archive, create_batch, create_plain_batch, effect, patch, restore, succeeded,
    undo,
};

#[test]
fn changed_devices_are_kept_in_batch_order() {
    let api = Api::start();
    let rows = ["D", "C", "B", "A"].map(|serial| json!({ "serial_number": serial }));
    let (path, devices) = create_batch(&api, rows);
    patch(&api, devices[0], &json!({"comment": "In use"}));
    archive(&api, devices[1]);
    restore(&api, devices[1]);
    archive(&api, devices[2]);
    let kept = [
        (devices[0], "changed_since"),
        (devices[1], "changed_since"),
        (devices[2], "archived_already"),
    ];
    assert_eq!(undo(&api, &path), effect(&path, &devices[3..], &kept));
    assert_eq!(active_devices(&api), devices[..2]);
}

#[test]
fn patch_that_changes_nothing_does_not_keep_the_device() {
    let api = Api::start();
    let (path, devices) = create_batch(&api, [json!({"color": "Silver"})]);
    patch(&api, devices[0], &json!({"color": "Silver"}));
    assert_eq!(undo(&api, &path), effect(&path, &devices, &[]));
}

#[test]
fn enrollments_do_not_count_as_changes() {
    let api = Api::start();
    let (path, devices) = create_batch(&api, [json!({"serial_number": "SN-1"})]);
    let enrollment = json!({"status": "ENROLLED"});
    let put = api.send("PUT", "/mdm/enrollments/SN-1", &enrollment);
    assert_eq!(put.status, 201, "{}", put.text);
    let path_of_device = format!("/devices/{}", devices[0]);
    assert_eq!(
        api.get_json(&path_of_device)["data"]["mdm"]["status"],
        "ENROLLED"
    );
    assert_eq!(undo(&api, &path), effect(&path, &devices, &[]));
    // The enrolment now waits for another device.
    assert_eq!(
        succeeded(&api.call("GET", &path_of_device))["mdm"],
        json!(null)
    );
}

#[test]
fn changes_of_the_assignee_do_not_count() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let (path, devices) = create_batch(&api, [json!({"user_id": ada})]);
    let renamed = json!({"first_name": "Ada"});
    succeeded(&api.send("PATCH", &format!("/users/{ada}"), &renamed));
    assert_eq!(undo(&api, &path), effect(&path, &devices, &[]));
}

#[test]
fn unassignment_by_erasure_counts_as_change() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    let (path, devices) = create_batch(&api, [json!({"user_email": "ada@example.com"}), json!({})]);
    let command = ["user", "erase", "--workspace", "acme"];
    let options = ["ada@example.com", "--unassign", "--yes"];
    let erased = run(&api.database, &[&command[..], &options].concat());
    assert_eq!(erased.code, 0, "{erased:?}");
    let kept = [(devices[0], "changed_since")];
    assert_eq!(undo(&api, &path), effect(&path, &devices[1..], &kept));
}

#[test]
fn purged_device_is_archived_already() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 2);
    archive(&api, devices[0]);
    api.database
        .execute("DELETE FROM devices WHERE deleted_at IS NOT NULL");
    let kept = [(devices[0], "archived_already")];
    assert_eq!(undo(&api, &path), effect(&path, &devices[1..], &kept));
}

#[test]
fn device_restored_after_undo_is_kept() {
    let api = Api::start();
    let (path, devices) = create_plain_batch(&api, 2);
    undo(&api, &path);
    restore(&api, devices[1]);
    let kept = [
        (devices[0], "archived_already"),
        (devices[1], "changed_since"),
    ];
    assert_eq!(undo(&api, &path), effect(&path, &[], &kept));
    assert_eq!(active_devices(&api), devices[1..]);
}
