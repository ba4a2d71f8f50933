use rstest::rstest;

use super::*;

const EMPTY_SHEET: &str = "<worksheet><sheetData></sheetData></worksheet>";

fn reason(bytes: &[u8]) -> FileErrorReason {
    file_error(bytes).reason
}

#[test]
fn cells_far_apart_need_no_memory() {
    let far = r#"<row r="1"><c r="A1"><v>1</v></c></row>
        <row r="1048576"><c r="XFD1048576"><v>1</v></c></row>"#;
    let error = file_error(&workbook_with_rows(far));
    assert_eq!(
        (error.reason, error.row),
        (FileErrorReason::TooManyColumns, Some(1_048_576))
    );
    assert_eq!(
        read(&workbook_with_rows(&far.replace("XFD", "IV")))[1]
            .1
            .len(),
        256
    );
}

/// Returns a workbook whose sheets, in XML, refer to one part.
fn workbook_with_sheets(sheets: &str) -> Vec<u8> {
    let workbook = format!("<workbook><sheets>{sheets}</sheets></workbook>");
    let sheet = "<worksheet><sheetData><row><c><v>1</v></c></row></sheetData></worksheet>";
    archive(&[
        ("_rels/.rels", PACKAGE_RELATIONSHIPS.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", SHEET_RELATIONSHIPS.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// Returns a workbook whose cells refer to one text of this length.
fn shared_text(length: usize, rows: usize, columns: usize) -> Vec<u8> {
    let strings = format!(
        r#"<sst><si><t xml:space="preserve">{}</t></si></sst>"#,
        " ".repeat(length)
    );
    let row = format!("<row>{}</row>", r#"<c t="s"><v>0</v></c>"#.repeat(columns));
    let sheet = format!(
        "<worksheet><sheetData>{}</sheetData></worksheet>",
        row.repeat(rows)
    );
    let relationship = SHEET_RELATIONSHIPS.replace(
        "</Relationships>",
        r#"<Relationship Id="rId2" Target="sharedStrings.xml"
        Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/>
        </Relationships>"#,
    );
    let workbook = r#"<workbook><sheets><sheet name="Devices" r:id="rId1"/></sheets></workbook>"#;
    archive(&[
        ("_rels/.rels", PACKAGE_RELATIONSHIPS.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relationship.as_bytes()),
        ("xl/sharedStrings.xml", strings.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

#[test]
fn text_of_impossible_length_is_rejected() {
    assert_eq!(read(&shared_text(32_767, 1, 3))[0].1.len(), 3);
    let error = file_error(&shared_text(32_768, 1, 3));
    assert_eq!(
        (error.reason, error.row),
        (FileErrorReason::Damaged, Some(1))
    );
    assert_eq!(error.columns[0].letters(), "A");
}

#[test]
fn cells_that_multiply_a_text_are_rejected() {
    assert_eq!(read(&shared_text(32_767, 12, 10)).len(), 12);
    let error = file_error(&shared_text(32_767, 13, 10));
    assert_eq!(
        (error.reason, error.row),
        (FileErrorReason::TooLarge, Some(13))
    );
}

#[test]
fn unknown_error_value_is_named() {
    for value in ["#SPILL!", "#CALC!", "#GETTING_DATA"] {
        let row = format!(r#"<row r="4"><c><v>1</v></c><c t="e"><v>{value}</v></c></row>"#);
        let error = file_error(&workbook_with_rows(&row));
        assert_eq!(error.reason, FileErrorReason::Damaged);
        assert!(
            error.message.starts_with("a cell in row 4 or below"),
            "{error}"
        );
    }
}

#[test]
fn long_names_of_sheets_are_shortened() {
    let name = "x".repeat(100_000);
    let sheets = format!(r#"<sheet name="{name}" r:id="rId1"/>"#).repeat(9);
    let bytes = workbook_with_sheets(&sheets);
    let source = open(&bytes, &ImportOptions::default()).expect("a workbook");
    let description = format!("{:?}{:?}", source.kind(), source.warnings());
    assert!(description.len() < 4_000, "{}", description.len());
    let options = ImportOptions {
        sheet: Some("y".repeat(100_000)),
        ..ImportOptions::default()
    };
    assert!(option_error_with(&bytes, &options).message.len() < 2_000);
}

#[test]
fn many_sheets_are_listed_in_part() {
    let sheet = r#"<sheet name="Devices" r:id="rId1"/>"#.repeat(1_000);
    let bytes = workbook_with_sheets(&sheet);
    let source = open(&bytes, &ImportOptions::default()).expect("a workbook");
    let FileKind::Xlsx { sheets, .. } = source.kind() else {
        panic!("a text");
    };
    assert_eq!(sheets.len(), 100);
}

#[test]
fn million_columns_are_rejected() {
    let row = format!("<row>{}</row>", "<c><v>1</v></c>".repeat(50_000));
    assert_eq!(
        reason(&workbook_with_rows(&row)),
        FileErrorReason::TooManyColumns
    );
}

#[test]
fn zip_bomb_is_rejected() {
    let spaces = " ".repeat(2 << 20);
    let bytes = workbook_with_rows(&spaces);
    assert!(bytes.len() < 1 << 13);
    assert_eq!(reason(&bytes), FileErrorReason::TooLarge);
    let unused = workbook(
        "<worksheet/>",
        &[("xl/media/image1.png", spaces.as_bytes())],
    );
    assert_eq!(reason(&unused), FileErrorReason::TooLarge);
}

#[test]
fn zip_bomb_with_false_size_is_rejected() {
    let spaces = " ".repeat(2 << 20);
    let mut bytes = workbook_with_rows(&spaces);
    let size = (spaces.len() as u32 + EMPTY_SHEET.len() as u32).to_le_bytes();
    let positions: Vec<_> = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..*at + 4] == size)
        .collect();
    for at in &positions {
        bytes[*at..*at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    assert_eq!(
        positions.len(),
        2,
        "the local and the central header have the size"
    );
    assert!(matches!(
        reason(&bytes),
        FileErrorReason::TooLarge | FileErrorReason::Damaged
    ));
}

#[rstest]
#[case::declared(r#"<sst uniqueCount="18446744073709551615"><si><t>a</t></si></sst>"#.to_owned())]
#[case::stored(format!("<sst>{}</sst>", "<si/>".repeat(100_000)))]
fn shared_strings_bomb_is_rejected(#[case] strings: String) {
    let sheet = "<worksheet><sheetData/></worksheet>";
    let bytes = workbook(sheet, &[("xl/sharedStrings.xml", strings.as_bytes())]);
    assert_eq!(reason(&bytes), FileErrorReason::TooLarge);
}

#[test]
fn styles_bomb_is_rejected() {
    let styles = format!(
        r#"<styleSheet><numFmts><numFmt numFmtId="9" formatCode="{}"/></numFmts><cellXfs>{}"#,
        "0".repeat(10_000),
        r#"<xf numFmtId="9"/>"#.repeat(1000)
    );
    let bytes = workbook("<worksheet/>", &[("xl/styles.xml", styles.as_bytes())]);
    assert_eq!(reason(&bytes), FileErrorReason::TooLarge);
}

#[test]
fn many_parts_are_rejected() {
    let names: Vec<_> = (0..10_001).map(|number| format!("{number}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(reason(&archive(&files)), FileErrorReason::TooLarge);
}

#[test]
fn search_for_sheet_with_rows_is_bounded() {
    let sheet = r#"<sheet name="Devices" r:id="rId1"/>"#;
    let workbook = format!(
        "<workbook><sheets>{}</sheets></workbook>",
        sheet.repeat(100)
    );
    let bytes = archive(&[
        ("_rels/.rels", PACKAGE_RELATIONSHIPS.as_bytes()),
        ("xl/workbook.xml", workbook.as_bytes()),
        ("xl/_rels/workbook.xml.rels", SHEET_RELATIONSHIPS.as_bytes()),
        (
            "xl/worksheets/sheet1.xml",
            b"<worksheet><sheetData/></worksheet>",
        ),
    ]);
    assert_eq!(reason(&bytes), FileErrorReason::Empty);
}

fn compound_file(stream: &str) -> Vec<u8> {
    let mut bytes = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    // The name lies across two of the blocks that the search reads.
    bytes.resize((1 << 16) - 5, 0);
    bytes.extend(stream.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

#[test]
fn encrypted_workbook_is_recognised() {
    assert_eq!(
        reason(&compound_file("EncryptedPackage")),
        FileErrorReason::Encrypted
    );
}

#[rstest]
#[case::xls_named_xlsx(compound_file("Workbook"), ".xls ")]
#[case::xlsb(archive(&[("xl/workbook.bin", b"")]), ".xlsb")]
#[case::ods(archive(&[("content.xml", b""), ("mimetype", b"")]), "OpenDocument")]
#[case::other_archive(archive(&[("a.txt", b"")]), "without a workbook")]
fn other_workbook_is_rejected(#[case] bytes: Vec<u8>, #[case] what: &str) {
    let error = file_error(&bytes);
    assert_eq!(error.reason, FileErrorReason::UnsupportedKind);
    assert!(error.message.contains(what), "{error}");
    assert!(error.message.contains("save it as .xlsx"), "{error}");
}

#[rstest]
#[case::unknown_string("<row><c t=\"s\"><v>9</v></c></row>")]
#[case::unknown_type("<row><c t=\"x\"><v>9</v></c></row>")]
#[case::not_a_number("<row><c t=\"n\"><v>x</v></c></row>")]
#[case::row_out_of_range("<row><c r=\"A99999999999\"><v>1</v></c></row>")]
#[case::row_after_the_last("<row><c r=\"A1048577\"><v>1</v></c></row>")]
#[case::rows_out_of_order("<row r=\"3\"><c><v>1</v></c></row><row r=\"2\"><c><v>1</v></c></row>")]
#[case::not_closed("<row><c><v>1</v>")]
fn damaged_sheet_is_rejected(#[case] rows: &str) {
    let error = file_error(&workbook_with_rows(rows));
    assert_eq!(error.reason, FileErrorReason::Damaged);
}

#[test]
fn truncated_archive_is_damaged() {
    let bytes = workbook_with_rows("<row><c><v>1</v></c></row>");
    for length in [4, 30, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(
            reason(&bytes[..length]),
            FileErrorReason::Damaged,
            "{length}"
        );
    }
}

#[test]
fn invalid_checksum_is_damaged() {
    let mut bytes = workbook_with_rows("<row><c><v>1</v></c></row>");
    // The checksum of the first part is in its local header.
    bytes[14] ^= 1;
    let central = bytes
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .expect("a directory");
    bytes[central + 16] ^= 1;
    assert_eq!(reason(&bytes), FileErrorReason::Damaged);
}

#[test]
fn missing_parts_are_damaged() {
    let only_workbook = archive(&[("xl/workbook.xml", b"<workbook/>")]);
    assert_eq!(reason(&only_workbook), FileErrorReason::Damaged);
}

#[test]
fn unsupported_compression_is_damaged() {
    let mut bytes = workbook_with_rows("<row><c><v>1</v></c></row>");
    let central = bytes
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .expect("a directory");
    bytes[central + 10] = 1;
    assert_eq!(reason(&bytes), FileErrorReason::Damaged);
}
