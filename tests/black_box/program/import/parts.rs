//! Imports of files above the limits of the server, in parts.

use std::process::{Command, Stdio};

use devices_tests::{Api, Directory, Program, ServerOptions};
use serde_json::{Value, json};

use super::{laptops, run_at, run_program, serial_numbers, serials};
use crate::relay::{Fault, Relay};

/// Starts a server that stores at most three rows at once.
fn api_with_small_limit() -> Api {
    Api::start_with(&ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 3))
}

/// Returns the arguments of an import in parts of three rows.
fn import(file: &str) -> [&str; 6] {
    ["import", file, "--yes", "--no-atomic", "--part-rows", "3"]
}

fn events(lines: &[Value], name: &str) -> Vec<Value> {
    let events = lines.iter().filter(|event| event["event"] == name);
    events.cloned().collect()
}

#[test]
fn large_file_is_stored_in_parts() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..9));
    let output = run_program(&api, &import(&file));
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output
            .stdout
            .starts_with("8 rows: 8 created. Stored as batches "),
        "{output:?}"
    );
    assert_eq!(serial_numbers(&api), serials(1..9));
    assert_eq!(
        api.get_json("/batches")["data"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn rejected_rows_of_parts_have_their_numbers() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    // Row 3 is damaged by a spreadsheet and is not sent, row 6 is empty, row 8 has no name.
    let mut lines: Vec<_> = laptops(1..8).lines().map(str::to_owned).collect();
    lines[2] = "1.23E+11,Laptop 2,laptop,computers".to_owned();
    lines.insert(5, ",,,".to_owned());
    lines[7] = "SN-00006,,laptop,computers".to_owned();
    let file = directory.write("laptops.csv", lines.join("\n"));
    let output = run_program(&api, &[&import(&file)[..], &["--json"]].concat());
    assert_eq!(output.code, 1, "{output:?}");
    let output = output.json_lines();
    let rejected = events(&output, "rejected");
    let places: Vec<_> = rejected
        .iter()
        .map(|event| (event["row"].clone(), event["errors"][0]["column"].clone()))
        .collect();
    assert_eq!(places, [(json!(3), json!("A")), (json!(8), json!("B"))]);
    assert_eq!(serial_numbers(&api), serials([1, 3, 4, 5, 7]));
    let saved = std::fs::read_to_string(directory.path("laptops.rejected.csv")).unwrap();
    let saved: Vec<_> = saved.lines().collect();
    assert!(saved[1].starts_with("1.23E+11,Laptop 2,"), "{saved:?}");
    assert!(saved[2].starts_with("SN-00006,,"), "{saved:?}");
}

#[test]
fn cut_part_is_sent_again() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..9));
    // The first request is that of the whole file.
    let faults = [
        Fault::None,
        Fault::None,
        Fault::CutRequest,
        Fault::LoseResponse,
    ];
    let relay = Relay::in_front_of(&api, &faults);
    let output = run_at(&relay.url, &api, &import(&file));
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.starts_with("8 rows: 8 created."),
        "{output:?}"
    );
    assert_eq!(serial_numbers(&api), serials(1..9));
    let mut keys = relay.idempotency_keys();
    keys.retain(|key| !key.is_empty());
    assert_eq!((&keys[2], &keys[3]), (&keys[4], &keys[4]), "{keys:?}");
    assert_ne!(keys[1], keys[2]);
}

#[test]
fn interrupted_import_is_continued() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..9));
    let relay = Relay::in_front_of(&api, &[Fault::None, Fault::None, Fault::Stall]);
    let program = Program::with_server(&relay.url, &api.key);
    let mut command = program.command(&import(&file));
    let running = command.stderr(Stdio::piped()).spawn().unwrap();
    relay.wait_for_requests(3);
    let pid = running.id().to_string();
    let interrupt = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(interrupt.success());
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(
        printed.contains("Run the same command again with"),
        "{printed}"
    );
    assert!(printed.contains("--part-rows 3"), "{printed}");
    assert_eq!(serial_numbers(&api), serials(1..4));

    let output = run_at(
        &relay.url,
        &api,
        &[&import(&file)[..], &["--json"]].concat(),
    );
    assert_eq!(output.code, 0, "{output:?}");
    let output = output.json_lines();
    let parts = events(&output, "part");
    let replayed: Vec<_> = parts.iter().map(|part| &part["replayed"]).collect();
    assert_eq!(replayed, [&json!(true), &json!(false), &json!(false)]);
    let done = &events(&output, "done")[0];
    assert_eq!((&done["rows"], &done["created"]), (&json!(8), &json!(8)));
    assert_eq!(serial_numbers(&api), serials(1..9));
}

#[test]
fn file_changed_between_parts_ends_the_import() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..9));
    // The delays before the second part leave time for the change.
    let faults = [
        Fault::None,
        Fault::None,
        Fault::CutRequest,
        Fault::CutRequest,
        Fault::CutRequest,
    ];
    let relay = Relay::in_front_of(&api, &faults);
    let program = Program::with_server(&relay.url, &api.key);
    let mut command = program.command(&import(&file));
    let running = command.stderr(Stdio::piped()).spawn().unwrap();
    relay.wait_for_requests(3);
    directory.write("laptops.csv", laptops(1..12));
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let printed = String::from_utf8(output.stderr).unwrap();
    assert!(printed.contains("laptops.csv changed while"), "{printed}");
    assert!(printed.contains("Stored so far: batches "), "{printed}");
    assert_eq!(serial_numbers(&api), serials(1..7));
}

#[test]
fn duplicate_in_a_part_names_the_row_of_the_file() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops([1, 2, 3, 4, 4]));
    let output = run_program(&api, &import(&file));
    assert_eq!(output.code, 1, "{output:?}");
    let expected = "`serial_number` is the same as in row 5 of the";
    assert!(output.stderr.contains(expected), "{output:?}");
}

#[test]
fn imported_parts_are_not_imported_again() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..9));
    assert_eq!(run_program(&api, &import(&file)).code, 0);
    let output = run_program(&api, &import(&file));
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.contains("was already imported as batches "),
        "{output:?}"
    );

    let batch = &api.get_json("/batches")["data"][1]["id"];
    api.send("POST", &format!("/batches/{batch}/undo"), &json!({}));
    let output = run_program(&api, &import(&file));
    assert_eq!(output.code, 1, "{output:?}");
    let expected = format!("the rows of batch {batch} are not stored");
    assert!(output.stderr.contains(&expected), "{output:?}");
    assert_eq!(serial_numbers(&api), serials([1, 2, 3, 7, 8]));
}

#[test]
fn word_continues_a_repeated_import() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..9));
    let output = run_program(&api, &[&import(&file)[..], &["--again"]].concat());
    assert_eq!(output.code, 0, "{output:?}");
    let mut words = output.stderr.split_whitespace();
    let again = words.find(|word| word.starts_with("--again=")).unwrap();
    let again = again.trim_end_matches('.');
    let output = run_program(&api, &[&import(&file)[..], &[again]].concat());
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.contains("was already imported as batches "),
        "{output:?}"
    );
}

#[test]
fn dry_run_checks_all_parts() {
    let (api, directory) = (api_with_small_limit(), Directory::new());
    let file = directory.write(
        "laptops.csv",
        laptops(1..8) + "SN-00009,,laptop,computers\n",
    );
    let arguments = [
        "import",
        &file,
        "--dry-run",
        "--no-atomic",
        "--part-rows",
        "3",
    ];
    let output = run_program(&api, &arguments);
    assert_eq!(output.code, 1, "{output:?}");
    for expected in [
        "The file would be sent in 3 parts.",
        "Plan: create 7 devices, reject 1 row.",
        "Row 9, column B (Name): ",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
    }
    assert_eq!(serial_numbers(&api), serials([]));
}
