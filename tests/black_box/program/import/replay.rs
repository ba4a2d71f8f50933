//! Files that were imported before, and responses that were lost.

use devices_tests::{Api, Directory};
use serde_json::json;

use super::{laptops, run_at, run_program, serial_numbers, serials};
use crate::relay::{Fault, Relay};

/// Returns the number of the newest batch.
fn newest_batch(api: &Api) -> i64 {
    api.get_json("/batches")["data"][0]["id"].as_i64().unwrap()
}

#[test]
fn imported_file_is_not_imported_again() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let import = ["import", &file, "--yes"];
    assert_eq!(run_program(&api, &import).code, 0);
    let batch = newest_batch(&api);
    let output = run_program(&api, &import);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    let expected = format!("laptops.csv was already imported as batch {batch}. Nothing");
    assert!(output.stderr.contains(&expected), "{output:?}");
}

#[test]
fn undone_import_is_repeated_on_demand() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let import = ["import", &file, "--yes"];
    assert_eq!(run_program(&api, &import).code, 0);
    let batch = newest_batch(&api);
    api.send("POST", &format!("/batches/{batch}/undo"), &json!({}));
    let output = run_program(&api, &import);
    assert_eq!(output.code, 1, "{output:?}");
    let expected = format!("was already imported as batch {batch}, undone since.");
    assert!(output.stderr.contains(&expected), "{output:?}");
    assert_eq!(serial_numbers(&api), serials([]));

    let again = [&import[..], &["--again"]].concat();
    let output = run_program(&api, &again);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(serial_numbers(&api), serials(1..4));
    let output = run_program(&api, &again);
    assert!(output.stderr.contains("3 rows rejected"), "{output:?}");
}

#[test]
fn other_options_are_another_import() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    assert_eq!(run_program(&api, &["import", &file, "--yes"]).code, 0);
    let output = run_program(&api, &["import", &file, "--yes", "--on-conflict", "skip"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(output.stdout, "3 rows: 3 skipped.\n");
}

#[test]
fn lost_response_is_not_an_earlier_import() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let relay = Relay::in_front_of(&api, &[Fault::LoseResponse]);
    let output = run_at(&relay.url, &api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.starts_with("3 rows: 3 created."),
        "{output:?}"
    );
    assert_eq!(serial_numbers(&api), serials(1..4));
    let keys = relay.idempotency_keys();
    assert!(!keys[0].is_empty() && keys[0] == keys[1], "{keys:?}");
}

#[test]
fn earlier_import_is_recognized_after_a_retry() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    assert_eq!(run_program(&api, &["import", &file, "--yes"]).code, 0);
    // The busy server stored nothing of the first attempt.
    let relay = Relay::in_front_of(&api, &[Fault::Unavailable]);
    let output = run_at(&relay.url, &api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("already imported"), "{output:?}");
}

#[test]
fn cut_connection_is_retried() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let relay = Relay::in_front_of(&api, &[Fault::CutRequest, Fault::Unavailable]);
    let output = run_at(&relay.url, &api, &["import", &file, "--yes", "--json"]);
    assert_eq!(output.code, 0, "{output:?}");
    let events = output.json_lines();
    let retries = events.iter().filter(|event| event["event"] == "retry");
    assert_eq!(retries.count(), 2, "{events:?}");
    assert_eq!(serial_numbers(&api), serials(1..4));
}
