use rstest::rstest;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, XlsxError};

use super::*;
use crate::description::WarningKind;

fn saved(write: impl FnOnce(&mut Workbook) -> Result<(), XlsxError>) -> Vec<u8> {
    let mut workbook = Workbook::new();
    write(&mut workbook).expect("valid cells");
    workbook.save_to_buffer().expect("a workbook")
}

fn with_sheet(name: &str) -> ImportOptions {
    ImportOptions {
        sheet: Some(name.to_owned()),
        ..ImportOptions::default()
    }
}

/// Returns a workbook with a cell of style 1 in the number format.
fn formatted_cell(value: &str, format: &str) -> Vec<u8> {
    let styles = format!(
        r#"<styleSheet><numFmts><numFmt numFmtId="200" formatCode="{format}"/></numFmts>
        <cellXfs><xf numFmtId="0"/><xf numFmtId="200"/></cellXfs></styleSheet>"#
    );
    let row = format!(r#"<row r="1"><c r="A1" s="1"><v>{value}</v></c></row>"#);
    let sheet = format!("<worksheet><sheetData>{row}</sheetData></worksheet>");
    workbook(&sheet, &[("xl/styles.xml", styles.as_bytes())])
}

#[test]
fn cells_keep_their_types() {
    let bytes = saved(|workbook| {
        let date = Format::new().set_num_format("dd.mm.yyyy");
        let sheet = workbook.add_worksheet();
        sheet
            .write(1, 0, "text")?
            .write(1, 2, 12.5)?
            .write(3, 0, true)?;
        sheet.write_with_format(3, 1, &ExcelDateTime::from_ymd(2024, 2, 29)?, &date)?;
        Ok(())
    });
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
    let expected: Rows = vec![
        (2, row(&["text", "", "number 12.5"])),
        (4, row(&["boolean true", "date 2024-02-29"])),
    ];
    assert_eq!(read(&bytes), expected);
}

#[rstest]
#[case::day("45351", "dd.mm.yyyy", "date 2024-02-29")]
#[case::day_and_time("45351.75", "yyyy-mm-dd hh:mm", "date 2024-02-29")]
#[case::end_of_day("45351.99999999999", "d/m/yy", "date 2024-03-01")]
#[case::first_day("1", "d/m/yy", "date 1900-01-01")]
#[case::day_before_leap_day("59", "d/m/yy", "date 1900-02-28")]
#[case::impossible_leap_day("60", "d/m/yy", "error")]
#[case::day_after_leap_day("61", "d/m/yy", "date 1900-03-01")]
#[case::last_day("2958465", "d/m/yy", "date 9999-12-31")]
#[case::after_last_day("2958466", "d/m/yy", "error")]
#[case::negative("-1", "d/m/yy", "error")]
#[case::time("0.5", "hh:mm", "number 0.5")]
#[case::duration("1.5", "[h]:mm", "number 1.5")]
#[case::number("45351", "0.00", "number 45351")]
#[case::leading_zeros("5486801", "00000000", "05486801")]
#[case::leading_zeros_of_two_sections("17", "0000;-0000", "0017")]
#[case::zero("0", "000", "000")]
#[case::enough_digits("12345678", "000", "number 12345678")]
#[case::one_zero("0", "0", "number 0")]
#[case::decimals_with_zeros("1.5", "000", "number 1.5")]
#[case::negative_with_zeros("-5", "000", "number -5")]
#[case::too_many_digits_with_zeros(
    "1234567890123456",
    "00000000000000000",
    "number 1234567890123456"
)]
#[case::sixteen_digits("1234567890123456", "0", "number 1234567890123456")]
#[case::too_many_digits("1234567890123456789", "0", "number 1234567890123456800")]
fn number_is_read_by_its_format(#[case] value: &str, #[case] format: &str, #[case] shown: &str) {
    assert_eq!(cells(&formatted_cell(value, format)), [[shown]]);
}

#[rstest]
#[case("43889", "date 2024-02-29")]
#[case("1", "date 1904-01-02")]
fn dates_of_1904_are_read(#[case] value: &str, #[case] shown: &str) {
    let properties = b"<workbook><workbookPr date1904=\"1\"/><sheets>\
        <sheet name=\"Devices\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>";
    let sheet = format!(
        "<worksheet><sheetData><row><c s=\"0\"><v>{value}</v></c></row></sheetData></worksheet>"
    );
    let bytes = archive(&[
        ("_rels/.rels", PACKAGE_RELATIONSHIPS.as_bytes()),
        ("xl/workbook.xml", properties),
        ("xl/_rels/workbook.xml.rels", SHEET_RELATIONSHIPS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
        (
            "xl/styles.xml",
            b"<styleSheet><cellXfs><xf numFmtId=\"14\"/></cellXfs></styleSheet>",
        ),
    ]);
    assert_eq!(cells(&bytes), [[shown]]);
    assert!(
        open(&bytes, &ImportOptions::default())
            .expect("a workbook")
            .is_1904()
    );
}

#[rstest]
#[case::iso_date(r#"<c t="d"><v>2024-02-29T00:00:00</v></c>"#, "date 2024-02-29")]
#[case::error_value(r#"<c t="e"><v>#REF!</v></c>"#, "error")]
#[case::formula(r#"<c t="str"><f>A2&amp;"x"</f><v>a x</v></c>"#, "a x")]
#[case::numeric_formula("<c><f>1+1</f><v>2</v></c>", "number 2")]
#[case::inline_text(r#"<c t="inlineStr"><is><t>a &amp; b</t></is></c>"#, "a & b")]
#[case::rich_text(
    r#"<c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c>"#,
    "ab"
)]
fn cell_value_is_read(#[case] cell: &str, #[case] shown: &str) {
    assert_eq!(
        cells(&workbook_with_rows(&format!("<row>{cell}</row>"))),
        [[shown]]
    );
}

#[test]
fn formula_without_value_is_empty() {
    let bytes = workbook_with_rows("<row r=\"3\"><c><v>1</v></c><c><f>A3*2</f></c></row>");
    assert_eq!(read(&bytes), [(3, vec!["number 1".to_owned()])]);
    let source = open(&bytes, &ImportOptions::default()).expect("a workbook");
    assert!(
        source.warnings()[0]
            .message
            .starts_with("some formulas have no stored value")
    );
}

#[test]
fn formulas_have_their_last_value() {
    let bytes = saved(|workbook| {
        let formula = Formula::new("=CONCAT(\"A\", 1)").set_result("A1");
        workbook.add_worksheet().write(0, 0, formula)?;
        Ok(())
    });
    assert_eq!(cells(&bytes), [["A1"]]);
}

#[test]
fn first_visible_sheet_with_rows_is_read() {
    let bytes = saved(|workbook| {
        workbook
            .add_worksheet()
            .set_name("Secret")?
            .write(0, 0, "hidden")?;
        workbook.add_worksheet().set_name("Empty")?;
        workbook
            .add_worksheet()
            .set_name("Devices")?
            .write(0, 0, "shown")?
            .set_active(true);
        workbook.worksheet_from_index(0)?.set_hidden(true);
        Ok(())
    });
    let source = open(&bytes, &ImportOptions::default()).expect("a workbook");
    let FileKind::Xlsx { sheet, sheets } = source.kind() else {
        panic!("a text");
    };
    assert_eq!(sheet, "Devices");
    assert_eq!(*sheets, ["Secret", "Empty", "Devices"]);
    assert_eq!(source.warnings()[0].kind, WarningKind::Layout);
    let named = |name| {
        read_with(&bytes, &with_sheet(name)).expect("a workbook")[0]
            .1
            .clone()
    };
    assert_eq!(named("Secret"), ["hidden"]);
    assert_eq!(named("devices "), ["shown"]);
}

#[test]
fn other_sheets_with_values_are_a_warning() {
    let warnings = |names: &[&str], options: &ImportOptions| {
        let bytes = saved(|workbook| {
            for name in names {
                let sheet = workbook.add_worksheet().set_name(*name)?;
                if *name != "Empty" {
                    sheet.write(0, 0, "Serial")?;
                }
            }
            Ok(())
        });
        let source = open(&bytes, options).expect("a workbook");
        let warnings = source.warnings().into_iter();
        warnings.map(|warning| warning.message).collect::<Vec<_>>()
    };
    let default = ImportOptions::default();
    assert_eq!(
        warnings(&["Empty", "Laptops", "Phones"], &default),
        ["other sheets with values are not read: `Phones`: name one with `sheet` to read it"]
    );
    let found = warnings(&["A", "B", "C", "D", "E"], &default);
    assert!(found[0].contains("`B`, `C`, `D`, 1 more:"), "{found:?}");
    assert!(warnings(&["Laptops", "Empty"], &default).is_empty());
    assert!(warnings(&["A", "B"], &with_sheet("A")).is_empty());
}

#[test]
fn unknown_sheet_is_rejected() {
    let bytes = workbook_with_rows("<row><c><v>1</v></c></row>");
    let error = option_error_with(&bytes, &with_sheet("Inventory"));
    assert_eq!(
        (error.pointer.as_str(), error.reason),
        ("/sheet", OptionErrorReason::UnknownSheet)
    );
    assert_eq!(
        error.message,
        "the workbook has no sheet `Inventory`: it has `Devices`"
    );
}

#[test]
fn text_options_of_workbook_are_rejected() {
    let bytes = workbook_with_rows("<row><c><v>1</v></c></row>");
    let encoding = ImportOptions {
        encoding: Some("utf-8".to_owned()),
        ..ImportOptions::default()
    };
    assert_eq!(option_error_with(&bytes, &encoding).pointer, "/encoding");
    let delimiter = ImportOptions {
        delimiter: Some(";".to_owned()),
        ..ImportOptions::default()
    };
    assert_eq!(option_error_with(&bytes, &delimiter).pointer, "/delimiter");
}

#[test]
fn workbook_without_values_is_empty() {
    let bytes = workbook_with_rows("<row><c/><c s=\"1\"/></row>");
    assert_eq!(file_error(&bytes).reason, FileErrorReason::Empty);
}

#[test]
fn merged_rows_are_a_warning() {
    let merged = |last: &str| {
        saved(|workbook| {
            let sheet = workbook.add_worksheet();
            let last_row = if last == "row" { 2 } else { 1 };
            sheet.merge_range(1, 1, last_row, 3, "Dell", &Format::new())?;
            Ok(())
        })
    };
    let warnings = |bytes: &[u8]| {
        open(bytes, &ImportOptions::default())
            .expect("a workbook")
            .warnings()
    };
    let found = warnings(&merged("row"));
    assert_eq!((found.len(), found[0].column), (1, Some(1)));
    assert!(found[0].message.contains("row 2"), "{}", found[0].message);
    assert_eq!(warnings(&merged("column")), []);
    assert_eq!(cells(&merged("row")), [["", "Dell"]]);
}

#[test]
fn formatted_empty_columns_are_ignored() {
    let bytes =
        workbook_with_rows("<row r=\"1\"><c r=\"A1\"><v>1</v></c><c r=\"XFD1\" s=\"3\"/></row>");
    assert_eq!(cells(&bytes), [["number 1"]]);
}

#[test]
fn workbook_without_limits_is_read() {
    let row = |column| format!("<row r=\"1\"><c r=\"{column}1\"><v>1</v></c></row>");
    let limits = ImportLimits {
        max_rows: usize::MAX,
        max_columns: usize::MAX,
        max_inflated_bytes: u64::MAX,
    };
    let read = |column| {
        let bytes = Cursor::new(workbook_with_rows(&row(column)));
        collect(&mut Source::open(bytes, &ImportOptions::default(), limits)?)
    };
    assert_eq!(read("XFD").expect("a workbook")[0].1.len(), 16_384);
    assert!(read("ZZZZZZ").is_err());
}
