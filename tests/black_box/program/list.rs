//! Commands `list` and `get`.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use devices_tests::{Api, CommandOutput, Program, device};
use serde_json::{Value, json};

/// Runs `list` with options. Returns the serial numbers of the devices.
fn serials(program: &Program, options: &[&str]) -> Vec<String> {
    let output = program.run(&[&["list", "--json"], options].concat());
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{output:?}");
    let serial = |device: &Value| device["serial_number"].as_str().unwrap().to_owned();
    output.json_lines().iter().map(serial).collect()
}

#[test]
fn list_prints_a_table() {
    let api = Api::start();
    let program = Program::of(&api);
    assert!(program.run_ok(&["list"]).starts_with("ID  SERIAL NUMBER"));
    api.add_user("acme", "ada@example.com");
    let id = api.create_device(json!({
        "serial_number": "L-1", "asset_tag": "T-1", "name": "東京", "model": "XPS",
        "user_email": "ada@example.com",
    }));
    let table = program.run_ok(&["list"]);
    let lines: Vec<_> = table.lines().collect();
    let cells: Vec<_> = lines[1].split_whitespace().collect();
    let id = id.to_string();
    assert_eq!(
        cells,
        [
            &id,
            "L-1",
            "T-1",
            "東京",
            "laptop",
            "XPS",
            "IN_SERVICE",
            "ada@example.com"
        ]
    );
}

#[test]
fn filters_select_devices() {
    let api = Api::start();
    let program = Program::of(&api);
    api.create_device(json!({
        "serial_number": "F-1", "brand": "Dell", "type": "laptop", "asset_tag": "T-1",
        "tags": ["a", "b"], "attributes": {"Room": "2.11"},
    }));
    api.create_device(json!({ "serial_number": "F-2", "type": "phone", "tags": "a" }));
    for (options, expected) in [
        ("", vec!["F-2", "F-1"]),
        ("--search dell", vec!["F-1"]),
        ("--type PHONE", vec!["F-2"]),
        ("--category computers --type phone", vec!["F-2"]),
        ("--asset-tag t-1", vec!["F-1"]),
        ("--tag a", vec!["F-2", "F-1"]),
        ("--tag a --tag b", vec!["F-1"]),
        ("--attribute Room=2.11", vec!["F-1"]),
        ("--status IN_SERVICE", vec![]),
        ("--batch 999999", vec![]),
        ("--updated-since 2100-01-01T00:00:00Z", vec![]),
    ] {
        let options: Vec<_> = options.split_whitespace().collect();
        assert_eq!(serials(&program, &options), expected, "{options:?}");
    }
    let error = program.run_err(1, &["list", "--status", "BROKEN"]);
    assert!(error.contains("client_status"), "{error}");
    program.run_err(2, &["list", "--attribute", "Room"]);
}

#[test]
fn list_reads_as_many_pages_as_needed() {
    let api = Api::start();
    let program = Program::of(&api);
    let serial = |number: usize| format!("P-{number}");
    let rows: Vec<_> = (0..230)
        .map(|number| device(json!({ "serial_number": serial(number) })))
        .collect();
    let response = api.post(&json!(rows));
    assert_eq!(response.status, 201, "{response:?}");
    let newest_first: Vec<_> = (0..230).rev().map(serial).collect();
    assert_eq!(serials(&program, &["--limit", "225"]), newest_first[..225]);
    assert_eq!(serials(&program, &["--limit", "1000"]), newest_first);
    let output = program.run(&["list", "--limit", "7"]);
    assert_eq!(output.stdout.lines().count(), 8);
    assert!(output.stderr.starts_with("7 of 230 devices."), "{output:?}");
}

#[test]
fn closed_pipe_is_no_failure() {
    let api = Api::start();
    let rows: Vec<_> = (0..1_000)
        .map(|_| device(json!({ "comment": "x".repeat(1_000) })))
        .collect();
    assert_eq!(api.post(&json!(rows)).status, 201);
    let program = Program::of(&api);
    for arguments in [&["list", "--json", "--limit", "1000"][..], &["export"]] {
        let mut command = program.command(arguments);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        drop(output);
        let output = CommandOutput::from(process.wait_with_output().unwrap());
        assert_eq!(
            (output.code, output.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn get_finds_a_device_by_what_its_sticker_says() {
    let api = Api::start();
    let program = Program::of(&api);
    let id = api.create_device(json!({
        "serial_number": "8ZKQ2G3", "asset_tag": "IT-1", "tags": ["a", "b"], "comment": "a\nb",
        "attributes": {"Room": "2.11"},
    }));
    for key in ["8ZKQ2G3", "8zkq2g3", "it-1", &id.to_string()] {
        let device: Value = program.run(&["get", key, "--json"]).json();
        assert_eq!(device["id"], id, "{key}");
    }
    let text = program.run_ok(&["get", "8ZKQ2G3"]);
    let lines: Vec<_> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "serial_number 8ZKQ2G3",
        "tags a, b",
        "comment a b",
        "attributes.Room 2.11",
    ] {
        assert!(lines.contains(&line.to_owned()), "{line}: {text}");
    }
    assert!(!text.contains("null"), "{text}");
}

#[test]
fn number_is_a_serial_number_before_an_id() {
    let api = Api::start();
    let program = Program::of(&api);
    let other = api.create_device(json!({}));
    let number = other.to_string();
    let id = api.create_device(json!({ "serial_number": number }));
    let get = |options: &[&str]| program.run(&[&["get", "--json", &number], options].concat());
    assert_eq!(get(&[]).json()["id"], id);
    assert_eq!(get(&["--by", "id"]).json()["id"], other);
    assert_eq!(get(&["--by", "serial_number"]).json()["id"], id);
    let output = get(&["--by", "asset_tag"]);
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
}

#[test]
fn unknown_device_is_a_failure() {
    let api = Api::start();
    let program = Program::of(&api);
    for device in [
        "NONE-1",
        "0",
        "99999999999999999999",
        "999999",
        "a b&c=d/e?f",
        "ü",
    ] {
        let error = program.run_err(1, &["get", device]);
        assert!(error.contains("there is no device"), "{error}");
    }
}
