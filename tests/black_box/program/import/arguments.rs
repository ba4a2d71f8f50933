//! Arguments of imports, mapping files, and runs without a terminal.

use devices_tests::{Api, Directory, ServerOptions};
use serde_json::{Value, json};

use super::{laptops, run_at, run_program, serial_numbers, serials};

#[test]
fn import_without_terminal_needs_yes() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    for more in [&[][..], &["--json"]] {
        let output = run_program(&api, &[&["import", file.as_str()], more].concat());
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("--yes"), "{output:?}");
    }
    assert_eq!(serial_numbers(&api), serials([]));
}

#[test]
fn unreachable_server_has_its_own_status() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    // Nothing listens on port 1.
    let output = run_at("http://127.0.0.1:1", &api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 3, "{output:?}");
}

#[test]
fn invalid_arguments_have_their_own_status() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let missing = directory.path("missing.csv");
    let folder = directory.path("");
    for arguments in [
        vec![missing.as_str()],
        vec![&folder],
        vec![&file, "--map", "Room"],
        vec![&file, "--map", "Room=attributes.Room"],
        vec![&file, "--map", "Name=nmae"],
        vec![&file, "--set", "nmae=x"],
        vec![&file, "--map", "Name=name", "--map", "Name=comment"],
        vec![&file, "--set", "type=laptop", "--set", "type=phone"],
        vec![&file, "--on-conflict", "replace"],
        vec![&file, "--nulls", "clear"],
        vec![&file, "--dry-run", "--again"],
        vec![&file, "--part-rows", "0"],
    ] {
        let mode = if arguments.contains(&"--dry-run") {
            &[][..]
        } else {
            &["--yes"]
        };
        let output = run_program(&api, &[&["import"], &arguments[..], mode].concat());
        assert_eq!(output.code, 2, "{arguments:?}: {output:?}");
    }
    assert_eq!(serial_numbers(&api), serials([]));
}

#[test]
fn errors_of_options_name_the_arguments() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    for (argument, value, expected) in [
        (
            "--map",
            "Nope=comment",
            "--map 'Nope': the file has no column `Nope`",
        ),
        ("--set", "colour=red", "--set 'colour': "),
        ("--name-from", "{Nope}", "--name-from"),
        ("--sheet", "Nope", "--sheet"),
    ] {
        let output = run_program(&api, &["import", &file, "--yes", argument, value]);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains(expected), "{output:?}");
    }
}

#[test]
fn ambiguous_date_names_the_argument() {
    let (api, directory) = (Api::start(), Directory::new());
    let text = "Serial Number,Name,Type,Category,Purchase Date\n\
                S-1,a,laptop,computers,03/04/2024\n";
    let file = directory.write("laptops.csv", text);
    let output = run_program(&api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("Purchase Date"), "{output:?}");
    assert!(
        output.stderr.contains("--date-format DD/MM/YYYY"),
        "{output:?}"
    );
    let format = ["--date-format", "DD/MM/YYYY"];
    let output = run_program(&api, &[&["import", &file, "--yes"], &format[..]].concat());
    assert_eq!(output.code, 0, "{output:?}");
    let device = &api.get_json("/devices")["data"][0];
    assert_eq!(device["client_purchase_date"], "2024-04-03");
}

#[test]
fn mapping_file_keeps_the_options() {
    let (api, directory) = (Api::start(), Directory::new());
    let header = "Kennung,Art,Raum,Bezeichnung\n";
    let file = directory.write("a.csv", format!("{header}S-1,Notebook,2.14,Laptop 1\n"));
    let mapping = directory.path("mapping.json");
    let arguments = [
        "import",
        &file,
        "--yes",
        "--save-mapping",
        &mapping,
        "--map",
        "Kennung=serial_number",
        "--map",
        "Art=type",
        "--map",
        "Bezeichnung=name",
        "--map",
        "Raum=attributes.Raum",
        "--value",
        "type:Notebook=laptop",
        "--set",
        "category=computers",
        "--on-conflict",
        "skip",
    ];
    let output = run_program(&api, &arguments);
    assert_eq!(output.code, 0, "{output:?}");
    let saved: Value = serde_json::from_slice(&std::fs::read(&mapping).unwrap()).unwrap();
    let expected = json!({
        "columns": {"Kennung": "serial_number", "Art": "type", "Bezeichnung": "name",
                    "Raum": "attributes.Raum"},
        "values": {"type": {"Notebook": "laptop"}},
        "defaults": {"category": "computers"}, "on_conflict": "skip"
    });
    assert_eq!(saved, expected);

    let file = directory.write("b.csv", format!("{header}S-2,Notebook,2.15,Laptop 2\n"));
    let output = run_program(&api, &["import", &file, "--yes", "--mapping", &mapping]);
    assert_eq!(output.code, 0, "{output:?}");
    let device = &api.get_json("/devices?serial_number=S-2")["data"][0];
    assert_eq!(
        (&device["type"], &device["name"]),
        (&json!("laptop"), &json!("Laptop 2"))
    );
    assert_eq!(device["attributes"], json!({"Raum": "2.15"}));
}

#[test]
fn mapping_replaces_no_other_file() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    let output = run_program(&api, &["import", &file, "--yes", "--save-mapping", &file]);
    assert_eq!(output.code, 2, "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), laptops(1..4));
    let mapping = directory.write("mapping.json", r#"{"on_conflit": "skip"}"#);
    let output = run_program(&api, &["import", &file, "--yes", "--mapping", &mapping]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("on_conflit"), "{output:?}");
    assert_eq!(serial_numbers(&api), serials([]));
}

#[test]
fn server_limits_decide_about_parts() {
    let options = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 3);
    let (api, directory) = (Api::start_with(&options), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..8));
    let output = run_program(&api, &["import", &file, "--yes", "--part-rows", "3"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("has 7 rows"), "{output:?}");
    assert!(output.stderr.contains("--no-atomic"), "{output:?}");
    assert_eq!(serial_numbers(&api), serials([]));
}
