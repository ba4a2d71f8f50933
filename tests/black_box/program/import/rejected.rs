//! Rejected rows: the file beside the imported one, and its correction.

use devices_tests::{Api, Directory};

use super::{laptops, run_program, serial_numbers, serials};

/// Returns a file whose last row has no name.
fn faulty() -> String {
    laptops(1..4) + "SN-00009,,laptop,computers\n"
}

fn read(directory: &Directory, name: &str) -> String {
    std::fs::read_to_string(directory.path(name)).unwrap()
}

#[test]
fn rejected_row_rejects_the_file() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", faulty());
    let output = run_program(&api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(serial_numbers(&api), serials([]));
    assert!(
        output.stderr.contains("Row 5, column B (Name): "),
        "{output:?}"
    );
    assert!(output.stderr.contains("add --no-atomic"), "{output:?}");
    let rejected = read(&directory, "laptops.rejected.csv");
    let lines: Vec<_> = rejected.lines().collect();
    assert_eq!(lines[0], "Serial Number,Name,Type,Category,Error");
    assert!(
        lines[1].starts_with("SN-00009,,laptop,computers,"),
        "{rejected}"
    );
    assert_eq!(lines.len(), 2);
}

#[test]
fn existing_file_of_rejected_rows_is_kept() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", faulty());
    directory.write("laptops.rejected.csv", "being corrected");
    let output = run_program(&api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.contains("laptops.rejected-2.csv"),
        "{output:?}"
    );
    assert_eq!(read(&directory, "laptops.rejected.csv"), "being corrected");
    assert!(read(&directory, "laptops.rejected-2.csv").starts_with("Serial Number,"));
    // The name is given: it is that of another file.
    let given = directory.path("laptops.rejected.csv");
    let arguments = [
        "import",
        &file,
        "--yes",
        "--no-atomic",
        "--rejected",
        &given,
    ];
    let output = run_program(&api, &arguments);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("exists"), "{output:?}");
    assert_eq!(read(&directory, "laptops.rejected.csv"), "being corrected");
    assert_eq!(serial_numbers(&api), serials([]));
}

#[test]
fn corrected_rows_complete_the_import() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", faulty());
    let output = run_program(&api, &["import", &file, "--yes", "--no-atomic"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(serial_numbers(&api), serials(1..4));
    let rejected = read(&directory, "laptops.rejected.csv");
    let corrected = rejected.replace("SN-00009,,", "SN-00009,Laptop 9,");
    let file = directory.write("laptops.rejected.csv", corrected);
    let output = run_program(&api, &["import", &file, "--yes"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(serial_numbers(&api), serials([1, 2, 3, 9]));
}

#[test]
fn unwritable_directory_keeps_the_errors() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", faulty());
    let missing = directory.path("missing/rejected.csv");
    let output = run_program(&api, &["import", &file, "--yes", "--rejected", &missing]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        output.stderr.contains("Row 5, column B (Name): "),
        "{output:?}"
    );
    assert!(
        output
            .stderr
            .contains("1 row rejected, and not saved to a file"),
        "{output:?}"
    );
    assert!(output.stderr.contains("--rejected FILE"), "{output:?}");
    assert!(!output.stderr.contains("Correct them there"), "{output:?}");
}

#[test]
fn replay_saves_rejected_rows_on_demand() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", faulty());
    let import = ["import", &file, "--yes", "--no-atomic"];
    assert_eq!(run_program(&api, &import).code, 1);
    let output = run_program(&api, &import);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("already imported"), "{output:?}");
    assert!(output.stderr.contains("--rejected FILE"), "{output:?}");
    assert!(!std::fs::exists(directory.path("laptops.rejected-2.csv")).unwrap());

    let named = directory.path("again.csv");
    let output = run_program(&api, &[&import[..], &["--rejected", &named]].concat());
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(
        read(&directory, "again.csv"),
        read(&directory, "laptops.rejected.csv")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn file_name_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let api = Api::start();
    let program = devices_tests::Program::of(&api);
    let name = OsStr::from_bytes(b"Ger\xe4te.csv");
    let home = std::path::PathBuf::from(program.home.path(""));
    std::fs::write(home.join(name), faulty()).unwrap();
    for more in [
        &["--yes", "--no-atomic"][..],
        &["--yes", "--no-atomic", "--json"],
    ] {
        let mut command = program.command(&["import"]);
        let output = command.arg(name).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    let rejected = OsStr::from_bytes(b"Ger\xe4te.rejected.csv");
    assert!(home.join(rejected).exists());
    assert_eq!(serial_numbers(&api), serials(1..4));
}

#[test]
fn name_chooses_the_format() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", faulty());
    let workbook = directory.path("rows.xlsx");
    let output = run_program(&api, &["import", &file, "--yes", "--rejected", &workbook]);
    assert_eq!(output.code, 1, "{output:?}");
    let content = std::fs::read(&workbook).unwrap();
    assert!(content.starts_with(b"PK"), "{output:?}");
    let output = run_program(&api, &["import", &workbook, "--dry-run"]);
    assert!(output.stdout.contains("1 row\n"), "{output:?}");
}
