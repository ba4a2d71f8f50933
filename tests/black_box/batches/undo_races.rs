//! Undos beside other requests. The devices are locked in the order of their serial numbers.

use std::collections::BTreeSet;

use devices_tests::{Api, Response, ids, race};
use serde_json::{Value, json};

use super::{active_devices, create_batch, number, patch, succeeded};
use crate::devices::retry_while_unavailable;

const ROUNDS: usize = 10;

fn serials(round: usize) -> Vec<Value> {
    let serial = |number| json!({"serial_number": format!("SN-{round}-{number}")});
    (0..20).rev().map(serial).collect()
}

fn undo(api: &Api, path: &str) -> Response {
    retry_while_unavailable(|| api.call("POST", &format!("{path}/undo")))
}

/// Returns the devices that an undo has archived, and those that it has kept.
fn split(response: &Response) -> (BTreeSet<i64>, BTreeSet<i64>) {
    let effect = succeeded(response);
    let archived = effect["archived"].as_array().unwrap().iter();
    let kept = effect["kept"].as_array().unwrap().iter();
    (
        archived.map(|id| id.as_i64().unwrap()).collect(),
        kept.map(|kept| kept["device_id"].as_i64().unwrap())
            .collect(),
    )
}

#[test]
fn one_of_several_undos_archives_each_device() {
    let api = Api::start();
    for round in 0..ROUNDS {
        let (path, devices) = create_batch(&api, serials(round));
        let undone = race(4, |_| undo(&api, &path));
        let archived = undone.iter().map(|response| split(response).0);
        let archived: Vec<_> = archived.filter(|archived| !archived.is_empty()).collect();
        assert_eq!(archived, [devices.into_iter().collect()]);
        let events = format!(
            "SELECT id FROM device_events WHERE batch_id = {}",
            number(&path)
        );
        assert_eq!(api.database.texts(&events).len(), 2);
    }
    assert_eq!(active_devices(&api), [0; 0]);
    assert_eq!(api.get_json("/devices")["meta"]["total"], 0);
}

#[test]
fn undo_keeps_devices_that_a_patch_changed_first() {
    let api = Api::start();
    for round in 0..ROUNDS {
        let (path, devices) = create_batch(&api, serials(round));
        let (changed, undone) = {
            let mut results = race(devices.len() + 1, |index| match devices.get(index) {
                Some(device) => {
                    let path = format!("/devices/{device}");
                    let color = json!({"color": "Silver"});
                    retry_while_unavailable(|| api.send("PATCH", &path, &color))
                }
                None => undo(&api, &path),
            });
            let undone = results.pop().unwrap();
            (results, undone)
        };
        let (archived, kept) = split(&undone);
        for (device, response) in devices.iter().zip(changed) {
            if kept.contains(device) {
                assert_eq!(response.status, 200, "{}", response.text);
            } else {
                assert!(archived.contains(device));
                response.assert_error(403, "DEVICE_MUTATION_FORBIDDEN");
            }
        }
        let listed = api.get_json(&format!("/devices?batch_id={}", number(&path)));
        assert_eq!(
            ids(&listed["data"]).into_iter().collect::<BTreeSet<_>>(),
            kept
        );
        for device in kept {
            patch(&api, device, &json!({"color": "Gold"}));
        }
    }
}

#[test]
fn device_is_archived_by_an_undo_or_by_a_delete() {
    let api = Api::start();
    for round in 0..ROUNDS {
        let (path, devices) = create_batch(&api, serials(round));
        let mut results = race(devices.len() + 1, |index| match devices.get(index) {
            Some(device) => {
                let path = format!("/devices/{device}");
                retry_while_unavailable(|| api.call("DELETE", &path))
            }
            None => undo(&api, &path),
        });
        let (archived, kept) = split(&results.pop().unwrap());
        for (device, response) in devices.iter().zip(results) {
            if kept.contains(device) {
                assert_eq!(response.status, 200, "{}", response.text);
            } else {
                assert!(archived.contains(device));
                response.assert_error(404, "DEVICE_NOT_FOUND");
            }
        }
    }
    assert_eq!(active_devices(&api), [0; 0]);
    // Each device was counted once.
    assert_eq!(api.get_json("/devices?limit=1")["meta"]["total"], 0);
}
