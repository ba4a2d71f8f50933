//! Confirmation of imports on a terminal.

use devices_tests::{Api, CommandOutput, Directory, Program, ServerOptions};

use super::super::terminal::Terminal;
use super::{laptops, run_program, serial_numbers, serials};

/// Imports a file of laptops on a terminal. Answers its question, if there is an answer.
fn import(api: &Api, text: &str, arguments: &[&str], answer: Option<&str>) -> (i32, String) {
    let program = Program::of(api);
    let file = program.home.write("laptops.csv", text);
    let arguments = [&["import", file.as_str()], arguments].concat();
    let mut terminal = Terminal::start(&program, &arguments);
    if let Some(answer) = answer {
        terminal.wait_for("[y/N] ");
        terminal.type_line(answer);
    }
    let CommandOutput { code, stdout, .. } = terminal.finish();
    (code, stdout)
}

#[test]
fn plan_is_confirmed() {
    let api = Api::start();
    let (code, shown) = import(&api, &laptops(1..4), &[], Some("yes"));
    assert_eq!(code, 0, "{shown}");
    let header = "A    Serial Number  serial_number  synonym   SN-00001, SN-00002, SN-00003";
    assert!(shown.contains(header), "{shown}");
    assert!(shown.contains("Plan: create 3 devices."), "{shown}");
    assert!(shown.contains("Import 3 rows? [y/N] "), "{shown}");
    assert_eq!(serial_numbers(&api), serials(1..4));
}

#[test]
fn other_answers_store_nothing() {
    let api = Api::start();
    for answer in ["", "n", "no thanks"] {
        let (code, shown) = import(&api, &laptops(1..4), &[], Some(answer));
        assert_eq!(code, 1, "{shown}");
        assert!(shown.contains("nothing was imported"), "{shown}");
    }
    assert_eq!(serial_numbers(&api), serials([]));
}

#[test]
fn file_with_rejected_rows_is_not_asked_about() {
    let api = Api::start();
    let text = laptops(1..4) + "SN-00009,,laptop,computers\n";
    let (code, shown) = import(&api, &text, &[], None);
    assert_eq!(code, 1, "{shown}");
    assert!(!shown.contains("[y/N]"), "{shown}");
    assert!(
        shown.contains("Plan: create 3 devices, reject 1 row."),
        "{shown}"
    );
    assert_eq!(serial_numbers(&api), serials([]));
    let (code, shown) = import(&api, &text, &["--no-atomic"], Some("y"));
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("Import 3 rows? [y/N] "), "{shown}");
    assert_eq!(serial_numbers(&api), serials(1..4));
}

#[test]
fn imported_file_is_recognized_by_its_plan() {
    let (api, directory) = (Api::start(), Directory::new());
    let file = directory.write("laptops.csv", laptops(1..4));
    assert_eq!(run_program(&api, &["import", &file, "--yes"]).code, 0);
    // All rows of the plan are rejected, because their serial numbers are taken.
    let (code, shown) = import(&api, &laptops(1..4), &[], Some("y"));
    assert_eq!(code, 1, "{shown}");
    assert!(
        shown.contains("laptops.csv was already imported as batch "),
        "{shown}"
    );
    let (code, shown) = import(&api, &laptops(1..4), &[], Some("n"));
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("3 rows rejected, saved"), "{shown}");
}

#[test]
fn file_changed_at_the_question_is_not_imported() {
    let limit = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 3);
    let api = Api::start_with(&limit);
    let program = Program::of(&api);
    let file = program.home.write("laptops.csv", laptops(1..9));
    let arguments = ["import", &file, "--no-atomic", "--part-rows", "3"];
    let mut terminal = Terminal::start(&program, &arguments);
    terminal.wait_for("[y/N] ");
    program.home.write("laptops.csv", laptops(11..19) + "\n");
    terminal.type_line("y");
    let CommandOutput { code, stdout, .. } = terminal.finish();
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("laptops.csv changed"), "{stdout}");
    assert!(stdout.contains("Nothing was stored."), "{stdout}");
    assert_eq!(serial_numbers(&api), serials([]));
}

#[test]
fn parts_show_their_progress() {
    let limit = ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 3);
    let api = Api::start_with(&limit);
    let parts = ["--no-atomic", "--part-rows", "3"];
    let (code, shown) = import(&api, &laptops(1..9), &parts, Some("y"));
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains("Import 8 rows in 3 parts? [y/N] "),
        "{shown}"
    );
    assert!(shown.contains("/8 rows"), "{shown}");
    assert_eq!(serial_numbers(&api), serials(1..9));
}
