//! Header row.

use devices_import::FileErrorReason;

use super::{C, fields, file_error, open, option_error, rows, try_open, workbook};

#[test]
fn header_is_the_first_row_with_two_known_headers() {
    let mut file = open(
        "Devices;;\nSerial;as of;2024\nRoom;Serial;Make\n1;A1;Dell\n",
        "{}",
    );
    assert_eq!(file.description().header_row, 3);
    assert_eq!(fields(&file), ["-", "serial_number", "brand"]);
    assert_eq!(rows(&mut file).len(), 1);
}

#[test]
fn header_is_searched_in_20_rows() {
    let text = |blank: usize| format!("Title\n{}Serial,Make\nA1,Dell\n", "\n".repeat(blank));
    assert_eq!(open(text(18), "{}").description().header_row, 20);
    let file = open(text(19), "{}");
    assert_eq!(file.description().header_row, 1, "the first row");
    assert_eq!(file.description().rows, 2);
}

#[test]
fn first_row_with_a_value_is_the_header_otherwise() {
    let file = open("\n\nA;B\n1;2\n", "{}");
    assert_eq!(file.description().header_row, 3);
    let file = open(
        workbook(&[&[], &[C::T("Raum"), C::N(2024.0)], &[C::T("1")]]),
        "{}",
    );
    assert_eq!(file.description().header_row, 2);
    assert_eq!(file.columns()[1].header, "2024");
}

#[test]
fn header_row_may_be_given() {
    let text = "name,type\nGerät,Art\nA,laptop\n";
    let mut file = open(text, r#"{"header_row":2,"columns":{"Gerät":"name"}}"#);
    assert_eq!(fields(&file), ["name", "-"]);
    assert_eq!(rows(&mut file)[0].number, 3);
    for row in ["4", "9"] {
        let error = option_error(text, &format!(r#"{{"header_row":{row}}}"#));
        assert_eq!(
            (error.pointer.as_str(), error.reason.as_str()),
            ("/header_row", "unknown_row")
        );
    }
    let error = option_error("name,type\n\nA,laptop\n", r#"{"header_row":2}"#);
    assert_eq!(error.pointer, "/header_row", "a blank row");
}

#[test]
fn given_column_is_a_known_header() {
    let text = "Liste vom 1. Mai,\nGerät,Art\nA,laptop\n";
    let file = open(text, r#"{"columns":{"Gerät":"name","Art":"type"}}"#);
    assert_eq!(file.description().header_row, 2);
}

#[test]
fn file_without_rows_is_rejected() {
    for text in ["\n\n", " , \n", "name,type\n", "name,type\n,\n"] {
        assert_eq!(
            file_error(text, "{}").reason,
            FileErrorReason::Empty,
            "{text:?}"
        );
    }
    assert_eq!(
        file_error(workbook(&[&[]]), "{}").reason,
        FileErrorReason::Empty
    );
}

#[test]
fn second_header_row_is_skipped_with_a_warning() {
    let text = "Seriennummer;Hersteller;Raum\nserial_number;brand;\nA1;Dell;1\n\
                Seriennummer;Hersteller;Raum\nA2;HP;2\n";
    let mut file = open(text, "{}");
    assert_eq!(file.description().rows, 2);
    let numbers: Vec<_> = rows(&mut file).iter().map(|row| row.number).collect();
    assert_eq!(numbers, [3, 5]);
    let warning = file.warnings().last().unwrap();
    assert_eq!(
        warning.message,
        "row 2 and 1 more repeat the header, and are skipped"
    );
}

#[test]
fn value_like_a_header_is_no_header() {
    let mut file = open("name,Room\nname,R1\nRoom,Room\n", "{}");
    assert_eq!(rows(&mut file).len(), 2);
}

#[test]
fn too_many_rows_are_rejected_with_the_first_one() {
    let text = "name,type\n".to_owned() + &"A,laptop\n".repeat(20_000);
    assert_eq!(open(&text, "{}").description().rows, 20_000);
    let error = file_error(text + "\nB,laptop\n", "{}");
    assert_eq!(error.reason, FileErrorReason::TooManyRows);
    assert_eq!(error.row, Some(20_003));
}

#[test]
fn rows_of_other_lengths_are_read() {
    let mut file = open(
        "name,type,brand\nA\nB,laptop,Dell,,\nC,laptop,Dell,14 inch\n",
        "{}",
    );
    let rows = rows(&mut file);
    assert_eq!(rows[0].text("type"), "");
    assert_eq!(rows[1].text("brand"), "Dell");
    assert_eq!(
        rows[2].reason("brand"),
        "malformed",
        "its values may be in wrong columns"
    );
}

#[test]
fn workbook_may_have_cells_without_a_header() {
    let bytes = workbook(&[
        &[C::T("Serial"), C::T("Make")],
        &[C::T("A1"), C::T("Dell"), C::T(""), C::T("note")],
    ]);
    let mut file = open(&bytes, "{}");
    assert_eq!(fields(&file), ["serial_number", "brand", "-", "-"]);
    assert_eq!(rows(&mut file)[0].text("brand"), "Dell");
    let mut file = open(&bytes, r#"{"columns":{"Column D":"comment"}}"#);
    assert_eq!(rows(&mut file)[0].text("comment"), "note");
    assert!(try_open(&bytes, r#"{"columns":{"Column ZZ":"comment"}}"#).is_err());
}
