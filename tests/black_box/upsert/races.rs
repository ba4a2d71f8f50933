//! Batches with options that run at the same time.

use devices_tests::{Api, Proxy, ProxyMode, TestDatabase, device, race};
use serde_json::{Value, json};

use super::{SYNC, UPDATE, post, post_ok, results};
use crate::devices::retry_while_unavailable;

fn rows(numbers: impl Iterator<Item = usize>, comment: &str) -> Value {
    let row = |number| {
        let serial_number = format!("S{number:03}");
        device(json!({"serial_number": serial_number, "comment": comment}))
    };
    numbers.map(row).collect()
}

#[test]
fn racing_syncs_store_each_serial_number_once() {
    let api = Api::start();
    for round in 0..5 {
        let path = if round % 2 == 0 { UPDATE } else { SYNC };
        let numbers = round * 100..round * 100 + 150;
        let responses = race(2, |racer| {
            let comment = format!("racer {racer}");
            let rows = if racer % 2 == 0 {
                rows(numbers.clone(), &comment)
            } else {
                rows(numbers.clone().rev(), &comment)
            };
            retry_while_unavailable(|| post(&api, path, &rows))
        });
        for response in responses {
            let expected = if path == UPDATE { 200 } else { 207 };
            assert_eq!(response.status, expected, "{}", response.text);
            let data = &response.json()["data"];
            assert!(!results(data).contains(&"failed"), "{data}");
        }
    }
    let distinct = "SELECT count(DISTINCT serial_number_folded)::text FROM devices";
    assert_eq!(api.database.texts(distinct), ["550"]);
    assert_eq!(api.database.count("devices"), 550);
}

#[test]
fn row_updates_a_device_created_meanwhile() {
    let api = Api::start();
    let mut blocker = api.database.connect();
    devices_tests::execute(
        &mut blocker,
        "BEGIN; INSERT INTO devices (workspace_id, name, type, category, is_rented, serial_number, \
                                     serial_number_folded, compliance, connection_type) \
         VALUES (1, 'x', 'laptop', 'computers', false, 'S1', 'S1', '{}', '{}')",
    );
    let rows = json!([device(json!({"serial_number": "S1", "comment": "second"}))]);
    std::thread::scope(|scope| {
        let posted = scope.spawn(|| post_ok(&api, UPDATE, &rows));
        api.database.wait_for_blocked_statement();
        devices_tests::execute(&mut blocker, "COMMIT");
        let data = posted.join().unwrap();
        assert_eq!(results(&data), ["updated"]);
        assert_eq!(data["results"][0]["device"]["comment"], "second");
    });
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn row_matches_a_device_stored_after_its_look_up() {
    let api = Api::start();
    let known = device(json!({"serial_number": "S1"}));
    let row = device(json!({"serial_number": "S2", "asset_tag": "T2", "comment": "second"}));
    api.create_device(known.clone());
    let mut blocker = api.database.connect();
    // The batch looks up both rows, and then waits for the lock of the first one.
    devices_tests::execute(
        &mut blocker,
        "BEGIN; SELECT id FROM devices WHERE workspace_id = 1 FOR UPDATE; \
         INSERT INTO devices (workspace_id, name, type, category, is_rented, serial_number, \
                              serial_number_folded, asset_tag, asset_tag_folded, compliance, \
                              connection_type) \
         VALUES (1, 'x', 'laptop', 'computers', false, 'S2', 'S2', 'T2', 'T2', '{}', '{}')",
    );
    let rows = json!([known, row]);
    std::thread::scope(|scope| {
        let posted = scope.spawn(|| post_ok(&api, UPDATE, &rows));
        api.database.wait_for_blocked_statement();
        devices_tests::execute(&mut blocker, "COMMIT");
        assert_eq!(results(&posted.join().unwrap()), ["unchanged", "updated"]);
    });
}

fn api_with_device() -> (Api, Proxy) {
    let (api, proxy) = Api::behind_proxy(TestDatabase::new(), 1_000);
    let rows = json!([device(json!({"serial_number": "S1"}))]);
    assert_eq!(api.post(&rows).status, 201);
    (api, proxy)
}

#[test]
fn batch_lost_after_its_commit_is_answered() {
    let (api, proxy) = api_with_device();
    proxy.set_mode(ProxyMode::DisconnectAfterCommit {
        stay_disconnected: false,
    });
    let rows = json!([
        {"serial_number": "S1", "comment": "x"},
        device(json!({"serial_number": "S2"})),
    ]);
    let data = post_ok(&api, SYNC, &rows);
    assert_eq!(proxy.mode(), ProxyMode::Forward);
    assert_eq!(results(&data), ["updated", "created"]);
    assert_eq!(api.database.count("devices WHERE comment = 'x'"), 1);
    assert_eq!(api.database.count("devices"), 2);
}

#[test]
fn batch_lost_before_its_commit_is_503() {
    let (api, proxy) = api_with_device();
    proxy.set_mode(ProxyMode::DisconnectBeforeCommit);
    let rows = json!([{"serial_number": "S1", "comment": "x"}]);
    assert_eq!(post(&api, UPDATE, &rows).status, 503);
    assert_eq!(api.database.count("devices WHERE comment = 'x'"), 0);
    assert_eq!(api.database.count("batches"), 0);
}
