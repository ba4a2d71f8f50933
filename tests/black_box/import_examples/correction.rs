//! Follows docs/IMPORT.md: import, correct, import again, undo.

use devices_tests::{Api, Directory};
use serde_json::json;

use super::sheet::{DEVICES, Kind, correct, devices, rejected_header, users};
use super::{batches, count_devices, run_in_shell};

/// Starts a server with the users of the sheet.
fn api_with_users() -> Api {
    let api = Api::start();
    for user in users() {
        let created = api.send("POST", "/users", &json!({ "email": user }));
        assert_eq!(created.status, 201, "{}", created.text);
    }
    api
}

/// Imports a sheet with ten errors, corrects the rejected rows, imports them, undoes both, and
/// imports them again.
fn correct_and_undo(kind: Kind) {
    let api = api_with_users();
    let directory = Directory::new();
    let (faults, extension) = (kind.faults(), kind.extension());
    let sheet = directory.path(&format!("sheet.{extension}"));
    kind.write(&sheet, &devices(&faults));

    let import = |file: &str, options: &str| {
        let output = run_in_shell(&api, &format!("devices import {file} --yes {options}"));
        (output.code, output.stdout + &output.stderr)
    };
    let (code, output) = import(&sheet, "--no-atomic");
    assert_eq!(code, 1, "{output}");
    assert_eq!(count_devices(&api), DEVICES - faults.len(), "{output}");

    let rejected = directory.path(&format!("sheet.rejected.{extension}"));
    assert!(output.contains(&rejected), "{output}");
    let mut rows = kind.read(&rejected);
    assert_eq!(rows[0], rejected_header());
    assert_eq!(rows.len(), faults.len() + 1);
    correct(&mut rows, &faults);
    kind.write(&rejected, &rows);

    let (code, output) = import(&rejected, "");
    assert_eq!(code, 0, "{output}");
    assert!(!output.contains("not used"), "{output}");
    assert_eq!(count_devices(&api), DEVICES, "{output}");

    for batch in batches(&api) {
        let output = run_in_shell(&api, &format!("devices undo {batch} --yes"));
        assert_eq!(output.code, 0, "{output:?}");
    }
    assert_eq!(count_devices(&api), 0);

    let (code, output) = import(&rejected, "");
    assert_eq!(code, 1, "{output}");
    assert!(output.contains("already imported"), "{output}");
    assert!(output.contains("undone"), "{output}");
    assert_eq!(count_devices(&api), 0, "{output}");
    let (code, output) = import(&rejected, "--again");
    assert_eq!(code, 0, "{output}");
    assert_eq!(count_devices(&api), faults.len(), "{output}");
}

#[test]
fn corrected_rows_of_a_workbook_are_stored() {
    correct_and_undo(Kind::Workbook);
}

#[test]
fn corrected_rows_of_a_csv_file_are_stored() {
    correct_and_undo(Kind::GermanCsv);
}
