//! Files of rejected rows.

use std::collections::{BTreeMap, BTreeSet};

use calamine::Reader;
use devices_import::{FileKind, RejectedCell, RejectedFormat};
use proptest::prelude::*;
use rstest::rstest;

use super::generated::{cells, table};
use super::{C, File, Row, file_error, open, rejected, rows, try_open, validated, workbook};

fn csv(file: &mut File, rows: &[u32]) -> String {
    String::from_utf8(rejected(file, rows, RejectedFormat::Csv)).expect("UTF-8")
}

/// Rejects every row, and returns what an import of the written file with the same options reads.
fn read_again(bytes: &[u8], json: &str, format: RejectedFormat) -> Vec<Row> {
    let mut file = open(bytes, json);
    let numbers: Vec<u32> = rows(&mut file).iter().map(|row| row.number).collect();
    let written = rejected(&mut file, &numbers, format);
    let mut again = open(&written, json);
    let fields = again.columns().iter().zip(file.columns());
    for (written, read) in fields.filter(|(column, _)| column.header != "Error") {
        assert_eq!(
            (&written.header, &written.field),
            (&read.header, &read.field)
        );
    }
    rows(&mut again)
}

/// Asserts that both have the same values, and reject the same ones.
fn assert_same_values(again: &[Row], read: &[Row]) {
    assert_eq!(again.len(), read.len());
    for (again, read) in again.iter().zip(read) {
        let fields: BTreeSet<_> = again.values.keys().chain(read.values.keys()).collect();
        for field in fields {
            let value = |row: &Row| row.values.get(field).map(|value| validated(field, value));
            assert_eq!(value(again), value(read), "{field} of row {}", read.number);
        }
    }
}

#[test]
fn rejected_rows_keep_columns_and_order() {
    let text = "Title\n\nRoom;Serial;Make\n1;A1;Dell\n2;A2;\"H;P\"\n3;A3;Apple\n";
    assert_eq!(
        csv(&mut open(text, "{}"), &[4, 5]),
        "Room;Serial;Make;Error\n1;A1;Dell;`serial_number` must not be empty\n\
         2;A2;\"H;P\";`serial_number` must not be empty\n"
    );
    assert_eq!(csv(&mut open(text, "{}"), &[]), "Room;Serial;Make;Error\n");
}

#[test]
fn all_errors_of_a_row_are_written() {
    let mut file = open("name,type\n=1+1,'x\n", "{}");
    let error = |column, message: &str| RejectedCell {
        column,
        message: message.to_owned(),
    };
    let errors = vec![
        error(Some(0), "`name` is bad"),
        error(None, "the limit is reached"),
    ];
    let mut output = Vec::new();
    let errors = BTreeMap::from([(2, errors)]);
    file.write_rejected_rows(&errors, RejectedFormat::Csv, &mut output)
        .unwrap();
    let text = String::from_utf8(output).unwrap();
    assert_eq!(
        text,
        "name,type,Error\n=1+1,'x,`name` is bad; the limit is reached\n"
    );
}

#[test]
fn earlier_error_column_is_replaced() {
    let text = "name,type,Error\nA,laptop,old\n";
    assert_eq!(
        csv(&mut open(text, "{}"), &[2]),
        "name,type,Error\nA,laptop,`serial_number` must not be empty\n"
    );
}

#[test]
fn error_column_elsewhere_is_an_ordinary_one() {
    let text = "name,Error,type\nA,E5,laptop\n";
    let json = r#"{"other_columns":"attributes"}"#;
    let mut file = open(text, json);
    assert_eq!(rows(&mut file)[0].text("attributes.Error"), "E5");
    let written = csv(&mut file, &[2]);
    assert!(written.starts_with("name,Error,type,Error\nA,E5,laptop,`"));
    assert_eq!(
        rows(&mut open(written, json))[0].text("attributes.Error"),
        "E5"
    );
    let error = file_error(text, r#"{"other_columns":"error"}"#);
    assert_eq!(error.columns[0].header, "Error");
}

#[test]
fn encoding_and_mark_are_those_of_the_file() {
    let mut file = open(
        b"Ger\xE4t;B\xFCro\nA;M\xFCnchen\n",
        r#"{"encoding":"windows-1252"}"#,
    );
    let written = rejected(&mut file, &[2], RejectedFormat::Csv);
    assert!(written.starts_with(b"Ger\xE4t;B\xFCro;Error\nA;M\xFCnchen;"));
    let mut file = open("\u{FEFF}name,type\nA,laptop\n", "{}");
    assert!(csv(&mut file, &[2]).starts_with("\u{FEFF}name,type,Error\n"));
    let utf16: Vec<u8> = "\u{FEFF}name\ttype\nA\tlaptop\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let written = rejected(&mut open(&utf16, "{}"), &[2], RejectedFormat::Csv);
    assert_eq!(written[..12], utf16[..12]);
}

#[test]
fn shifted_row_keeps_all_cells() {
    let mut file = open("name,type\nA,laptop,14 inch\n", "{}");
    let written = csv(&mut file, &[2]);
    assert_eq!(
        written,
        "name,type, ,Error\nA,laptop,14 inch,`serial_number` must not be empty\n"
    );
    for json in ["{}", r#"{"other_columns":"error"}"#] {
        let row = &rows(&mut open(&written, json))[0];
        assert_eq!(row.reason("type"), "malformed", "until its cells are moved");
    }
    let again = csv(&mut open(&written, "{}"), &[2]);
    assert_eq!(again, written);
    let moved = written.replace("laptop,14 inch", "laptop,");
    assert_eq!(rows(&mut open(moved, "{}"))[0].text("type"), "laptop");
    let bytes = rejected(&mut file, &[2], RejectedFormat::Xlsx);
    assert_eq!(rows(&mut open(bytes, "{}"))[0].reason("type"), "malformed");
}

#[test]
fn own_column_without_header_is_not_surplus() {
    let text = "name,type,\nA,laptop,14 inch\n";
    let written = csv(&mut open(text, "{}"), &[2]);
    assert!(written.starts_with("name,type,,Error\nA,laptop,14 inch,`"));
    assert_eq!(rows(&mut open(written, "{}"))[0].text("type"), "laptop");
}

#[rstest]
#[case("name;type\r\nA;laptop\r\n", "name;type;Error\r\nA;laptop;`")]
#[case("name;type\rA;laptop\r", "name;type;Error\rA;laptop;`")]
#[case("sep=^\nname^type\nA^laptop\n", "sep=^\nname^type^Error\nA^laptop^`")]
#[case("sep=;\nname;type\nA;laptop\n", "name;type;Error\nA;laptop;`")]
fn line_ending_and_delimiter_are_those_of_the_file(#[case] text: &str, #[case] expected: &str) {
    let written = csv(&mut open(text, "{}"), &[2]);
    assert!(written.starts_with(expected), "{written:?}");
    let mut again = open(written, "{}");
    assert_eq!(rows(&mut again)[0].text("type"), "laptop");
}

/// A few rows suggest another delimiter than the whole file.
#[test]
fn delimiter_is_stated_if_it_is_not_detected() {
    let text = "name;comment,long\nA,B;1,2\nx;y\nx;y\nx;y\n";
    let written = csv(&mut open(text, r#"{"delimiter":";"}"#), &[2]);
    assert!(
        written.starts_with("name;comment,long;Error\n"),
        "{written}"
    );
    let text = "name|b,c,d,e\nx|1,2,3,4\ny|5\nz|6\n";
    let mut file = open(text, "{}");
    assert_eq!(
        file.description().kind,
        FileKind::Csv {
            encoding: "UTF-8",
            delimiter: '|'
        }
    );
    let read = rows(&mut file);
    let written = csv(&mut file, &[2]);
    assert!(
        written.starts_with("sep=|\nname|b,c,d,e|Error\n"),
        "{written}"
    );
    let mut again = open(written, "{}");
    assert_same_values(&rows(&mut again), &read[..1]);
}

/// Mac Roman has é as 8E, and windows-1252 has it as E9.
#[rstest]
#[case(b"name,serial_number\rCaf\x8E,1\rx,2\r" as &[u8], "{}")]
#[case(b"name,serial_number\nCaf\x8E,1\nB\x8Echer,2\n", "{}")]
#[case(b"name,serial_number\nCaf\xE9,1\nB\xFCcher,2\n", "{}")]
#[case(
    b"name,serial_number\n\xCF\xF0\xE8\xE2\xE5\xF2 \xEC\xE8\xF0,1\n\xCF,2\n",
    "{}"
)]
#[case(b"name,serial_number\nCaf\x8E,1\n", r#"{"encoding":"macintosh"}"#)]
fn written_text_is_read_in_the_same_encoding(#[case] bytes: &[u8], #[case] json: &str) {
    let mut file = open(bytes, json);
    let read = rows(&mut file);
    for row in &read {
        let written = rejected(&mut file, &[row.number], RejectedFormat::Csv);
        let again = rows(&mut open(&written, json));
        assert_eq!(again[0].text("name"), row.text("name"), "{written:?}");
    }
}

#[test]
fn encoding_that_is_not_detected_becomes_utf8() {
    let text = b"name,type\nCaf\x8E,laptop\nM\x9Fller,laptop\nx\x8E,laptop\n";
    let mut file = open(text, "{}");
    assert_eq!(
        file.description().kind,
        FileKind::Csv {
            encoding: "macintosh",
            delimiter: ','
        }
    );
    let written = csv(&mut file, &[4]);
    assert!(
        written.starts_with("\u{FEFF}name,type,Error\nxé,"),
        "{written:?}"
    );
}

#[test]
fn workbook_is_read_by_calamine() {
    let text = "name,type\n_x0041_ <&\"\u{1F5A5},\nB\n\"line\nbreak\",_x\n";
    let mut file = open(text, "{}");
    let written = rejected(&mut file, &[2, 3, 4], RejectedFormat::Xlsx);
    let mut book = calamine::Xlsx::new(std::io::Cursor::new(written)).unwrap();
    assert_eq!(book.sheet_names(), ["Rejected rows"]);
    let range = book.worksheet_range("Rejected rows").unwrap();
    let texts = |row: &[calamine::Data]| row.iter().map(ToString::to_string).collect::<Vec<_>>();
    let read: Vec<_> = range.rows().map(texts).collect();
    let message = "`serial_number` must not be empty";
    assert_eq!(
        read,
        [
            ["name", "type", "Error"],
            ["_x0041_ <&\"\u{1F5A5}", "", message],
            ["B", "", message],
            ["line\nbreak", "_x", message],
        ]
    );
}

#[test]
fn given_header_row_and_sheet_still_fit() {
    let json = r#"{"header_row":3,"sheet":"Inventory"}"#;
    let bytes = workbook(&[
        &[C::T("Devices of 2024")],
        &[],
        &[C::T("name"), C::T("type")],
        &[C::T("A"), C::T("laptop")],
        &[C::T("B"), C::T("phone")],
    ]);
    let mut file = open(&bytes, json);
    let written = rejected(&mut file, &[5], RejectedFormat::Xlsx);
    let mut again = open(&written, json);
    let rows = rows(&mut again);
    assert_eq!(
        (rows.len(), rows[0].number, rows[0].text("name")),
        (1, 4, "B")
    );

    let text = "Devices of 2024\n\nname,type\nA,laptop\n";
    let written = csv(&mut open(text, r#"{"header_row":3}"#), &[4]);
    assert!(
        written.starts_with("Devices of 2024,\n\"\"\nname,type,Error\nA,"),
        "{written}"
    );
    assert_eq!(open(written, r#"{"header_row":3}"#).description().rows, 1);
}

#[test]
fn date_in_both_orders_is_written_as_iso() {
    let text = "name;Kaufdatum\nA;31.12.2024\nB;03.04.2024\n";
    let written = csv(&mut open(text, "{}"), &[3]);
    assert!(written.contains("B;2024-04-03;"), "{written}");
    assert_eq!(
        rows(&mut open(written, "{}"))[0].text("client_purchase_date"),
        "2024-04-03"
    );
    let written = csv(&mut open(text, r#"{"date_format":"DD/MM/YYYY"}"#), &[3]);
    assert!(written.contains("B;03.04.2024;"), "{written}");
}

#[rstest]
#[case("{}")]
#[case(r#"{"date_format":"DD/MM/YYYY"}"#)]
#[case(r#"{"date_format":"excel","decimal":"comma"}"#)]
#[case(r#"{"decimal":"point"}"#)]
#[case(r#"{"decimal":"comma","other_columns":"attributes"}"#)]
#[case(r#"{"values":{"brand":{"42":"Dell"}},"name_from":"{brand} {Room}"}"#)]
fn written_rows_are_read_like_the_original(#[case] json: &str) {
    let header = [
        "serial_number",
        "brand",
        "Purchase cost",
        "Purchase date",
        "is_rented",
        "comment",
        "tags",
        "Room",
    ];
    let header = header.map(C::T);
    let bytes = workbook(&[
        &header,
        &[
            C::N(42.0),
            C::N(42.0),
            C::N(429.9),
            C::D("2024-05-31"),
            C::B(true),
            C::T("a\nb"),
            C::T("a\nb"),
            C::N(1.5),
        ],
        &[
            C::N(1.5),
            C::T("A & B <c>"),
            C::N(12.125),
            C::N(44_927.0),
            C::N(1.0),
            C::N(1.0),
            C::N(7.0),
            C::D("2024-05-31"),
        ],
        &[
            C::N(1e17),
            C::E,
            C::N(1.23456),
            C::T("31/05/2024"),
            C::T("ja"),
            C::N(1e16),
            C::T("x"),
            C::B(false),
        ],
        &[
            C::T("00042"),
            C::N(0.5),
            C::T("1.299,00 EUR"),
            C::T("03/04/2024"),
            C::T("?"),
            C::T(" é "),
            C::B(true),
            C::E,
        ],
        &[
            C::T("1.23E+11"),
            C::T("=1+1"),
            C::T("x"),
            C::N(9.0),
            C::E,
            C::D("2024-05-31"),
            C::E,
            C::T("#N/A"),
        ],
        &[
            C::B(true),
            C::T("'x"),
            C::N(1e20),
            C::N(1e9),
            C::N(3.0),
            C::T("\"q\""),
            C::T(";,|"),
            C::T("last"),
        ],
    ]);
    let read = rows(&mut open(&bytes, json));
    assert_same_values(&read_again(&bytes, json, RejectedFormat::Xlsx), &read);
    assert_same_values(&read_again(&bytes, json, RejectedFormat::Csv), &read);
}

#[test]
fn invalid_cells_are_marked_in_a_workbook() {
    let mut file = open("name,type\n,<laptop>\n", "{}");
    let written = rejected(&mut file, &[2], RejectedFormat::Xlsx);
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(written)).unwrap();
    let sheet = zip.by_name("xl/worksheets/sheet1.xml").unwrap();
    let xml = std::io::read_to_string(sheet).unwrap();
    assert!(xml.contains(r#"<c r="A2" s="3"/>"#), "{xml}");
    assert!(xml.contains(
        r#"<c r="B2" s="1" t="inlineStr"><is><t xml:space="preserve">&lt;laptop&gt;</t></is></c>"#
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rejected_rows_are_read_like_the_original(
        cells in cells(),
        kept in prop::collection::vec(any::<bool>(), 12),
        json in prop::sample::select(&[
            "{}",
            r#"{"date_format":"MM/DD/YYYY","decimal":"comma"}"#,
            r#"{"header_row":1,"other_columns":"attributes"}"#,
            r#"{"name_from":"{brand} {Room}","values":{"brand":{"x":"y","":"z"}}}"#,
        ][..]),
    ) {
        let Ok(mut file) = try_open(table(&cells), json) else {
            return Ok(());
        };
        let mut read = rows(&mut file);
        let mut kept = kept.into_iter();
        read.retain(|_| kept.next() == Some(true));
        prop_assume!(!read.is_empty());
        let numbers: Vec<u32> = read.iter().map(|row| row.number).collect();
        for format in [RejectedFormat::Csv, RejectedFormat::Xlsx] {
            let written = rejected(&mut file, &numbers, format);
            assert_same_values(&rows(&mut open(&written, json)), &read);
        }
    }
}
