use rstest::rstest;

use super::*;

const TABLE: &str = "Gerät;Büro\r\nLaptop;Köln\r\n";

fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(to_bytes).collect()
}

fn encoding(bytes: &[u8]) -> &'static str {
    match open(bytes, &ImportOptions::default())
        .expect("a text")
        .kind()
    {
        FileKind::Csv { encoding, .. } => encoding,
        FileKind::Xlsx { .. } => panic!("a workbook"),
    }
}

#[rstest]
#[case::utf8(TABLE.as_bytes().to_vec(), "UTF-8")]
#[case::utf8_bom([b"\xEF\xBB\xBF", TABLE.as_bytes()].concat(), "UTF-8")]
#[case::utf16_le(utf16(TABLE, u16::to_le_bytes), "UTF-16LE")]
#[case::utf16_be(utf16(TABLE, u16::to_be_bytes), "UTF-16BE")]
#[case::utf16_le_bom(utf16(&format!("\u{FEFF}{TABLE}"), u16::to_le_bytes), "UTF-16LE")]
#[case::utf16_be_bom(utf16(&format!("\u{FEFF}{TABLE}"), u16::to_be_bytes), "UTF-16BE")]
#[case::windows_1252(b"Ger\xE4t;B\xFCro\r\nLaptop;K\xF6ln\r\n".to_vec(), "windows-1252")]
#[case::mac_roman(b"Ger\x8At;B\x9Fro\nLaptop;K\x9Aln\n".to_vec(), "macintosh")]
#[case::mac_roman_with_cr(b"Ger\x8At;B\x9Fro\rLaptop;K\x9Aln\r".to_vec(), "macintosh")]
fn encoding_is_detected(#[case] bytes: Vec<u8>, #[case] name: &str) {
    assert_eq!(encoding(&bytes), name);
    assert_eq!(cells(&bytes), [["Gerät", "Büro"], ["Laptop", "Köln"]]);
}

#[rstest]
#[case::shift_jis(
    "資産番号;機種名;部署\nA1;ノートパソコン;総務部\n",
    encoding_rs::SHIFT_JIS
)]
#[case::windows_1251(
    "Серийный номер;Устройство\nA1;Ноутбук для бухгалтерии\n",
    encoding_rs::WINDOWS_1251
)]
#[case::windows_1250(
    "Název;Výrobce;Umístění\nPočítač;Dell;Kancelář účtárny\n",
    encoding_rs::WINDOWS_1250
)]
fn legacy_encoding_is_guessed(
    #[case] text: &str,
    #[case] expected: &'static encoding_rs::Encoding,
) {
    let (bytes, ..) = expected.encode(text);
    assert_eq!(encoding(&bytes), expected.name());
    let first_row = text.lines().next().unwrap_or_default();
    assert_eq!(cells(&bytes)[0].join(";"), first_row);
}

#[rstest]
#[case::apostrophes(b"Name;Note\nO\x92Brien;l\x92\xE9tage\n")]
#[case::dashes(b"Name;Place\nA;Berlin\x96Mitte\n")]
#[case::quotes(b"Name;Note\nA;a\x93b\x94c\n")]
#[case::ellipsis(b"Name;Note\nA;wait\x85more\n")]
#[case::polish(b"Imi\xEA;Miasto\nWo\x9Fniak;\xA3\xF3d\x9F\n")]
#[case::caron(b"Name;Place\nMilo\x9A;Du\x9Aan\n")]
fn windows_punctuation_is_not_mac_roman(#[case] bytes: &[u8]) {
    assert_ne!(encoding(bytes), "macintosh");
}

#[rstest]
#[case::truncated("Büro;Gerät;Köln;Öffnung;ß", 1, b"")]
#[case::pasted_line("Büro;Gerät;Köln;Öffnung;ß", 0, b"\nB\xFCro\n")]
fn damaged_utf8_is_not_guessed(#[case] text: &str, #[case] cut: usize, #[case] added: &[u8]) {
    let bytes = [&text.as_bytes()[..text.len() - cut], added].concat();
    let error = file_error(&bytes);
    assert_eq!(error.reason, FileErrorReason::Damaged);
    assert!(error.message.contains("UTF-8"), "{error}");
}

#[test]
fn given_encoding_is_used() {
    let options = ImportOptions {
        encoding: Some("macintosh".to_owned()),
        ..ImportOptions::default()
    };
    let rows = read_with(b"a,b\nK\x9Aln,1\n", &options).expect("a text");
    assert_eq!(rows[1].1, ["Köln", "1"]);
}

#[rstest]
#[case::encoding(Some("klingon"), None, "/encoding")]
#[case::replacement(Some("hz-gb-2312"), None, "/encoding")]
#[case::delimiter(None, Some("#"), "/delimiter")]
#[case::empty_delimiter(None, Some(""), "/delimiter")]
fn invalid_option_is_rejected(
    #[case] encoding: Option<&str>,
    #[case] delimiter: Option<&str>,
    #[case] pointer: &str,
) {
    let options = ImportOptions {
        encoding: encoding.map(str::to_owned),
        delimiter: delimiter.map(str::to_owned),
        ..ImportOptions::default()
    };
    let error = option_error_with(b"a,b\n", &options);
    assert_eq!(
        (error.pointer.as_str(), error.reason),
        (pointer, OptionErrorReason::Malformed)
    );
}

#[test]
fn sheet_of_text_is_rejected() {
    let options = ImportOptions {
        sheet: Some("Devices".to_owned()),
        ..ImportOptions::default()
    };
    assert_eq!(option_error_with(b"a,b\n", &options).pointer, "/sheet");
}

#[test]
fn invalid_byte_is_located() {
    let options = ImportOptions {
        encoding: Some("utf-8".to_owned()),
        ..ImportOptions::default()
    };
    let Err(ImportError::File(error)) = read_with(b"a,b\n1,2\n\n3,\xFC\n", &options) else {
        panic!("no error of the file");
    };
    assert_eq!(
        (error.reason, error.row),
        (FileErrorReason::Damaged, Some(4))
    );
}

#[test]
fn truncated_utf16_is_damaged() {
    let bytes = utf16(TABLE, u16::to_le_bytes);
    let error = file_error(&bytes[..bytes.len() - 1]);
    assert_eq!(
        (error.reason, error.row),
        (FileErrorReason::Damaged, Some(3))
    );
}

#[test]
fn separator_line_is_not_a_row() {
    assert_eq!(
        read(b"sep=|\r\n\r\na|b,c\r\n"),
        [(2, vec!["a".to_owned(), "b,c".to_owned()])]
    );
}

#[test]
fn given_delimiter_beats_separator_line() {
    let options = ImportOptions {
        delimiter: Some(",".to_owned()),
        ..ImportOptions::default()
    };
    let rows = read_with(b"sep=;\na;b,c\n", &options).expect("a text");
    assert_eq!(rows, [(1, vec!["a;b".to_owned(), "c".to_owned()])]);
}

#[test]
fn rows_keep_their_lengths() {
    assert_eq!(
        cells(b"a,b,c\n1\n1,2,3\n1,2,3,4\n1,2,3\n")[1..4]
            .iter()
            .map(Vec::len)
            .max(),
        Some(4)
    );
}

#[test]
fn trailing_empty_columns_are_dropped() {
    let row = format!("a,b{}\n", ",".repeat(1000));
    assert_eq!(
        cells(row.as_bytes())[0].len(),
        ImportLimits::default().max_columns
    );
    let error = file_error(row.replace('\n', "x\n").as_bytes());
    assert_eq!(
        (error.reason, error.row),
        (FileErrorReason::TooManyColumns, Some(1))
    );
}

#[test]
fn nul_is_text() {
    assert_eq!(cells(b"serial,name\nA\0B,x\n")[1], ["A\0B", "x"]);
}

#[test]
fn empty_file_has_no_rows() {
    for bytes in [&b""[..], b"\xEF\xBB\xBF", b"\r\n\r\n", b"sep=;\n"] {
        assert_eq!(read(bytes), []);
    }
}

#[rstest]
#[case::jpeg(b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01".to_vec())]
#[case::pdf(b"%PDF-1.7\n".to_vec())]
#[case::html(b"\r\n<HTML><table><tr><td>Serial</td></tr></table>".to_vec())]
#[case::xml_spreadsheet(b"<?xml version=\"1.0\"?><Workbook/>".to_vec())]
#[case::unknown_binary((0..4096_u32).map(|n| (n * n / 7) as u8).collect())]
#[case::zeros(vec![0; 4096])]
fn other_kind_is_rejected(#[case] bytes: Vec<u8>) {
    let error = file_error(&bytes);
    assert_eq!(error.reason, FileErrorReason::UnsupportedKind);
    assert!(
        error.message.ends_with("save it as .xlsx or .csv"),
        "{error}"
    );
}

#[test]
fn reading_stops_when_asked() {
    let mut source = open(b"a\nb\nc\n", &ImportOptions::default()).expect("a text");
    let mut rows = 0;
    let stop = source.read_rows(|_, _| {
        rows += 1;
        Ok(false)
    });
    assert_eq!((stop.is_ok(), rows), (true, 1));
}
