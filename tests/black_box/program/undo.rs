//! Commands `batches` and `undo`.

use devices_tests::{Api, Program, device};
use serde_json::{Value, json};

/// Creates devices in one batch. Returns its number and their ids.
fn create_batch(api: &Api, count: usize) -> (String, Vec<Value>) {
    let rows: Vec<_> = (0..count).map(|_| device(json!({}))).collect();
    let response = api.post(&json!(rows));
    let location = response.header("location").to_owned();
    let devices = response.json()["data"]["devices"]
        .as_array()
        .unwrap()
        .clone();
    let ids = devices.iter().map(|device| device["id"].clone()).collect();
    (location.rsplit('/').next().unwrap().to_owned(), ids)
}

#[test]
fn batches_are_listed_newest_first() {
    let api = Api::start();
    let program = Program::of(&api);
    let (first, _) = create_batch(&api, 2);
    let (second, _) = create_batch(&api, 3);
    program.run_ok(&["undo", &first, "--yes"]);
    let table = program.run_ok(&["batches"]);
    let rows: Vec<Vec<_>> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        (rows[0][0], rows[0][3], rows[0][9]),
        (&*second, "3", "-"),
        "{table}"
    );
    assert_eq!((rows[1][0], rows[1][3]), (&*first, "2"), "{table}");
    assert!(rows[1][9].ends_with('Z'), "{table}");
    assert_eq!(
        program.run_ok(&["batches", "--limit", "1"]).lines().count(),
        2
    );
    let output = program.run(&["batches", "--json", &first]);
    assert_eq!(output.json()["created"], 2);
    let output = program.run(&["batches", "--json"]);
    assert_eq!(output.json_lines().len(), 2);
}

#[test]
fn undo_archives_the_devices_of_a_batch() {
    let api = Api::start();
    let program = Program::of(&api);
    let (batch, ids) = create_batch(&api, 2);
    let preview = program.run_ok(&["undo", &batch, "--dry-run"]);
    assert!(preview.contains("2 devices would be archived"), "{preview}");
    assert_eq!(program.run_ok(&["list", "--json"]).lines().count(), 2);
    let output = program.run(&["undo", &batch, "--yes", "--json"]);
    assert_eq!(output.json()["archived"], json!(ids), "{output:?}");
    assert_eq!(program.run_ok(&["list", "--json"]), "");
    let again = program.run_ok(&["undo", &batch, "--yes"]);
    assert!(
        again.contains("0 devices archived; 2 devices kept"),
        "{again}"
    );
}

#[test]
fn changed_devices_are_kept_unless_included() {
    let api = Api::start();
    let program = Program::of(&api);
    let (batch, ids) = create_batch(&api, 2);
    let path = format!("/devices/{}", ids[0]);
    assert_eq!(
        api.send("PATCH", &path, &json!({ "comment": "x" })).status,
        200
    );
    let text = program.run_ok(&["undo", &batch, "--yes"]);
    assert!(text.contains("1 device archived; 1 device kept"), "{text}");
    assert!(text.contains("--include-changed"), "{text}");
    let text = program.run_ok(&["undo", &batch, "--yes", "--include-changed"]);
    assert!(text.contains("1 device archived"), "{text}");
    assert_eq!(program.run_ok(&["list", "--json"]), "");
}

#[test]
fn several_batches_are_undone_or_none() {
    let api = Api::start();
    let program = Program::of(&api);
    let (first, _) = create_batch(&api, 2);
    let (second, _) = create_batch(&api, 1);
    let error = program.run_err(1, &["undo", &first, "999999", "--yes"]);
    assert!(error.contains("there is no batch 999999"), "{error}");
    assert_eq!(program.run_ok(&["list", "--json"]).lines().count(), 3);
    let output = program.run(&["undo", &first, &second, "--yes", "--json"]);
    let archived: Vec<_> = output
        .json_lines()
        .iter()
        .map(|undo| undo["archived"].as_array().unwrap().len())
        .collect();
    assert_eq!(archived, [2, 1], "{output:?}");
    assert_eq!(program.run_ok(&["list", "--json"]), "");
}

#[test]
fn undo_without_a_terminal_needs_yes() {
    let api = Api::start();
    let program = Program::of(&api);
    let (batch, _) = create_batch(&api, 1);
    let error = program.run_err(2, &["undo", &batch]);
    assert!(error.contains("Add --yes"), "{error}");
    assert_eq!(program.run_ok(&["list", "--json"]).lines().count(), 1);
}

#[test]
fn unknown_batch_is_a_failure() {
    let api = Api::start();
    let program = Program::of(&api);
    for arguments in [&["undo", "999999", "--yes"][..], &["batches", "999999"]] {
        let error = program.run_err(1, arguments);
        assert!(error.contains("there is no batch 999999"), "{error}");
    }
    program.run_err(2, &["undo", "seventeen"]);
    program.run_err(2, &["undo"]);
}

#[test]
fn undo_needs_a_write_key() {
    let api = Api::start();
    let (batch, _) = create_batch(&api, 1);
    let key = api.create_key("acme", "READ");
    let program = Program::with_server(&api.server.url(""), &key);
    let error = program.run_err(1, &["undo", &batch, "--yes"]);
    assert!(error.contains("the key may only read"), "{error}");
}
