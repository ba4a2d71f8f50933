//! Imports of files within the limits of the server.

use devices_tests::{Api, Directory, Program};
use serde_json::json;

use super::{laptops, run_program, serial_numbers, serials};

#[test]
fn file_is_stored_in_one_batch() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let output = run_program(&api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 0, "{output:?}");
    let batch = &api.get_json("/batches")["data"][0]["id"];
    let expected = format!("3 rows: 3 created. Stored as batch {batch}.\n");
    assert_eq!(output.stdout, expected);
    assert_eq!(serial_numbers(&api), serials(1..4));
}

#[test]
fn import_without_a_reader_of_its_output_ends_normally() {
    let (api, directory) = (Api::start(), Directory::new());
    for (number, json) in [&[][..], &["--json"]].into_iter().enumerate() {
        let file = directory.write("laptops.csv", laptops([number]));
        let arguments = [&["import", &file, "--yes"], json].concat();
        let program = Program::of(&api);
        let mut command = program.command(&arguments);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{error}");
        let batch = &api.get_json("/batches")["data"][0]["id"];
        let expected = format!("1 row: 1 created. Stored as batch {batch}.\n");
        assert!(error.ends_with(&expected), "{error}");
    }
    assert_eq!(serial_numbers(&api), serials(0..2));
}

#[cfg(target_os = "linux")]
#[test]
fn import_to_a_full_device_keeps_the_batch_number() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops([1]));
    let program = Program::of(&api);
    let mut command = program.command(&["import", &file, "--yes"]);
    let full = std::fs::File::options().write(true).open("/dev/full");
    let output = command.stdout(full.unwrap()).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("Stored as batch"), "{error}");
    assert!(error.contains("cannot print"), "{error}");
}

#[test]
fn any_file_name_is_sent() {
    let (api, directory) = (Api::start(), Directory::new());
    for (number, name) in ["a\u{1b}[31m\nb.csv", "\"a\\.csv", "\u{202e}Geräte.csv"]
        .iter()
        .enumerate()
    {
        let file = directory.write(name, laptops([number]));
        let output = run_program(&api, &["import", &file, "--yes"]);
        assert_eq!(output.code, 0, "{output:?}");
    }
    assert_eq!(serial_numbers(&api), serials(0..3));
}

#[test]
fn workbook_is_stored() {
    let (api, directory) = (Api::start(), Directory::new());
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/import/inventory.xlsx"
    );
    let file = directory.write("inventory.xlsx", std::fs::read(example).unwrap());
    let arguments = [
        "import",
        &file,
        "--yes",
        "--set",
        "category=computers",
        "--name-from",
        "{Manufacturer} {Model}",
        "--unknown-users",
        "create",
    ];
    let output = run_program(&api, &arguments);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.starts_with("30 rows: 30 created."),
        "{output:?}"
    );
    assert_eq!(serial_numbers(&api).len(), 30);
}

#[test]
fn dry_run_shows_the_plan_and_stores_nothing() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write(
        "laptops.csv",
        laptops(1..4) + "SN-00009,,laptop,computers\n",
    );
    let output = run_program(&api, &["import", &file, "--dry-run"]);
    assert_eq!(output.code, 1, "{output:?}");
    for expected in [
        "laptops.csv: UTF-8, delimiter ,, header in row 1, 4 rows\n",
        "A    Serial Number  serial_number",
        "Plan: create 3 devices, reject 1 row.\n",
        "Row 5, column B (Name): ",
    ] {
        assert!(output.stdout.contains(expected), "{expected}: {output:?}");
    }
    assert!(
        output.stdout.lines().all(|line| line.len() <= 80),
        "{output:?}"
    );
    assert!(
        output
            .stderr
            .contains("Nothing is stored while a row is rejected"),
        "{output:?}"
    );
    assert_eq!(serial_numbers(&api), serials([]));
    assert!(!std::fs::exists(directory.path("laptops.rejected.csv")).unwrap());
}

#[test]
fn stored_devices_are_updated() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    run_program(&api, &["import", &file, "--yes"]);
    let changed = laptops(1..5).replace("Laptop 2", "Notebook 2");
    let file = directory.write("changed.csv", changed);
    let output = run_program(&api, &["import", &file, "--yes", "--on-conflict", "update"]);
    assert_eq!(output.code, 0, "{output:?}");
    let counts = "4 rows: 1 created, 1 updated, 2 unchanged.";
    assert!(output.stdout.starts_with(counts), "{output:?}");
}

#[test]
fn events_are_json_lines() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write(
        "laptops.csv",
        laptops(1..4) + "SN-00009,,laptop,computers\n",
    );
    let import = ["import", &file, "--json"];
    let plan = run_program(&api, &[&import[..], &["--dry-run"]].concat()).json_lines();
    assert_eq!(plan[0]["event"], "plan");
    assert_eq!(
        (&plan[0]["plan"]["create"], &plan[0]["plan"]["fail"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(
        (&plan[1]["event"], &plan[1]["row"]),
        (&json!("rejected"), &json!(5))
    );
    assert_eq!(plan[1]["errors"][0]["column"], "B");

    let output = run_program(&api, &[&import[..], &["--yes", "--no-atomic"]].concat());
    assert_eq!(output.code, 1, "{output:?}");
    let events = output.json_lines();
    let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
    assert_eq!(names, ["columns", "rejected", "rejected_file", "done"]);
    let done = &events[3];
    assert_eq!((&done["created"], &done["failed"]), (&json!(3), &json!(1)));
    assert_eq!(done["batches"].as_array().unwrap().len(), 1);
}

#[test]
fn headers_do_not_control_the_terminal() {
    let (api, directory) = (Api::start(), Directory::new());
    let text =
        "Serial Number,Name,Type,Category,\u{1b}]0;owned\u{7}\nS-1,a,laptop,computers,\u{1b}[2J\n";
    let file = directory.write("laptops.csv", text);
    for mode in ["--dry-run", "--yes"] {
        let output = run_program(&api, &["import", &file, mode]);
        assert!(
            !output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'),
            "{output:?}"
        );
    }
}
