//! Measures the memory of reading large and hostile files, each in a process of its own.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use devices_import::{ImportError, ImportFile, ImportLimits, ImportOptions};

const MEBIBYTE: u64 = 1 << 20;
const LIMITS: ImportLimits = ImportLimits {
    max_rows: 1_000_000,
    max_columns: 256,
    max_inflated_bytes: 16 * MEBIBYTE,
};

/// Variable of the process that measures: the file to read.
const FILE: &str = "MEMORY_TEST_FILE";
/// Files whose header is in the row [`GIVEN_HEADER`].
const GIVEN_HEADER_PREFIX: &str = "given-header";
const GIVEN_HEADER: u32 = 100_000;

#[test]
fn memory_is_bounded() {
    if let Some(file) = env::var_os(FILE) {
        read(Path::new(&file));
        return;
    }
    for rows in [10_000, 100_000] {
        assert_peak("utf8.csv", 4, Table::new(rows, as_utf8));
        assert_peak("utf16.csv", 4, Table::new(rows, as_utf16));
    }
    assert_peak("unclosed-quote.csv", 4, unclosed_quote());
    assert_peak("given-header.csv", 4, titles());
    assert_peak("given-header.xlsx", 16, Cursor::new(workbook_with_titles()));
    assert_peak("large.xlsx", 16, Cursor::new(large_workbook()));
    for (name, bytes) in hostile_workbooks() {
        assert_peak(name, 32, Cursor::new(bytes));
    }
}

/// Asserts that a process that reads the content needs at most this memory, in MiB, above one that
/// reads an empty file.
fn assert_peak(name: &str, max_mebibytes: u64, mut content: impl Read) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = File::create(&path).expect("a writable directory");
    let base = peak_of_reading(&path);
    io::copy(&mut content, &mut file).expect("free space");
    let risen = peak_of_reading(&path).saturating_sub(base) / 1024;
    println!("{name}: {risen} MiB");
    assert!(risen <= max_mebibytes, "{name} needs {risen} MiB");
}

/// Returns the peak of the memory of a process that reads the file, in KiB.
fn peak_of_reading(path: &Path) -> u64 {
    let program = env::current_exe().expect("a path");
    let mut command = Command::new(program);
    command.args(["--exact", "memory_is_bounded", "--nocapture"]);
    let output = command.env(FILE, path).output().expect("a process");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let peak = text
        .lines()
        .find_map(|line| line.split("peak=").nth(1))
        .expect("a measurement");
    peak.parse().expect("a number")
}

/// Reads the file, and prints the peak of the memory of this process. A check of the size would
/// make the measurement meaningless.
fn read(path: &Path) {
    let file = File::open(path).expect("a file");
    let is_empty = file.metadata().expect("a size").len() == 0;
    let name = path.file_name().expect("a file").to_string_lossy();
    let has_given_header = name.starts_with(GIVEN_HEADER_PREFIX) && !is_empty;
    let options = ImportOptions {
        header_row: has_given_header.then_some(GIVEN_HEADER),
        ..ImportOptions::default()
    };
    match ImportFile::open(file, &options, LIMITS) {
        Ok(mut file) => {
            let mut rows = 0;
            file.read_rows(|_, _| rows += 1).expect("a valid file");
            assert_eq!(rows, file.description().rows);
        }
        Err(ImportError::File(error)) => assert_ne!(error.reason.as_str(), "too_large"),
        Err(error) => panic!("{error}"),
    }
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    println!("\npeak={}", peak.trim().trim_end_matches(" kB"));
}

/// A text that is made while it is read.
struct Table {
    rows: u64,
    encode: fn(&str) -> Vec<u8>,
    position: u64,
}

fn as_utf8(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn as_utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl Table {
    fn new(rows: u64, encode: fn(&str) -> Vec<u8>) -> Self {
        Self {
            rows,
            encode,
            position: 0,
        }
    }

    fn row(&self, row: u64) -> Vec<u8> {
        if row == 0 {
            (self.encode)("Serial Number;Model ;Invoice;Purchased \r\n")
        } else {
            (self.encode)(&format!("S{row:012};Gerät;I{row:06};2024-02-29\r\n"))
        }
    }
}

impl Read for Table {
    /// Reads the rest of one row: all rows have the same length.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.row(1).len() as u64;
        let row = self.position / length;
        if row > self.rows {
            return Ok(0);
        }
        let bytes = self.row(row);
        let read = (&bytes[(self.position % length) as usize..]).read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

fn unclosed_quote() -> Cursor<Vec<u8>> {
    let text = "Serial Number;Model\nA1;\"".to_owned() + &"Dell;\n".repeat(1_000_000);
    Cursor::new(text.into_bytes())
}

fn titles() -> impl Read {
    let title = "a\n".repeat(GIVEN_HEADER as usize - 1);
    Cursor::new(title + "Serial,Model\nA1,Dell\n")
}

/// Returns a workbook whose rows have a value in their last column only.
fn workbook_with_titles() -> Vec<u8> {
    let mut rows = String::new();
    for row in 1..=GIVEN_HEADER + 1 {
        write!(rows, "<row><c r=\"IV{row}\"><v>1</v></c></row>").expect("memory");
    }
    let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    workbook(&[("xl/worksheets/sheet1.xml", sheet)])
}

/// Returns a workbook with cells that refer to one shared text of this length.
fn repeated_text(length: usize, rows: usize, columns: usize) -> Vec<u8> {
    let cells = "<c t=\"s\"><v>0</v></c>".repeat(columns);
    let rows = format!("<row>{cells}</row>").repeat(rows);
    let strings = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(length));
    let relationships = RELATIONSHIP
        .replace("TYPE", "worksheet")
        .replace("TARGET", "worksheets/sheet1.xml")
        .replace(
            "</Relationships>",
            "<Relationship Id=\"rId2\" Type=\"/relationships/sharedStrings\"
            Target=\"sharedStrings.xml\"/></Relationships>",
        );
    workbook(&[
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet><sheetData>{rows}</sheetData></worksheet>"),
        ),
        ("xl/sharedStrings.xml", strings),
        ("xl/_rels/workbook.xml.rels", relationships),
    ])
}

fn large_workbook() -> Vec<u8> {
    let mut rows = String::new();
    for row in 0..20_000 {
        let text = format!("<is><t>text {row}</t></is>");
        let cell = format!("<c t=\"inlineStr\">{text}</c>");
        write!(rows, "<row>{}</row>", cell.repeat(12)).expect("memory");
    }
    let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    workbook(&[("xl/worksheets/sheet1.xml", sheet)])
}

/// Returns workbooks that need nearly as much memory as the limits allow.
fn hostile_workbooks() -> Vec<(&'static str, Vec<u8>)> {
    let limit = LIMITS.max_inflated_bytes as usize;
    let with = |name, content: String| workbook(&[(name, content)]);
    let strings = "<si><t>123456789012345</t></si>".repeat(limit / 65);
    let nested = "<a>".repeat(limit / 17);
    let comment = format!("<{}", ">".repeat(99)).repeat(limit / 117);
    let cell = "x".repeat(7 * MEBIBYTE as usize);
    let format = "0".repeat(limit / 2100);
    let formats = format!(
        "<styleSheet><numFmts><numFmt numFmtId=\"9\" formatCode=\"{format}\"/></numFmts><cellXfs>{}",
        "<xf numFmtId=\"9\"/>".repeat(900)
    );
    vec![
        (
            "short-strings.xlsx",
            with("xl/sharedStrings.xml", format!("<sst>{strings}</sst>")),
        ),
        (
            "deep-nesting.xlsx",
            with("xl/worksheets/sheet1.xml", nested),
        ),
        (
            "long-comment.xlsx",
            with("xl/sharedStrings.xml", format!("<!--{comment}-->")),
        ),
        (
            "long-cell.xlsx",
            with(
                "xl/sharedStrings.xml",
                format!("<sst><si><t>{cell}</t></si></sst>"),
            ),
        ),
        ("repeated-text.xlsx", repeated_text(32_767, 8, 200)),
        ("repeated-long-text.xlsx", repeated_text(4 << 20, 10, 50)),
        ("copied-formats.xlsx", with("xl/styles.xml", formats)),
        ("many-sheets.xlsx", many_sheets(limit)),
    ]
}

/// Returns a workbook with many sheets that refer to one part with a long name.
fn many_sheets(limit: usize) -> Vec<u8> {
    let target = "x".repeat(limit / 5000);
    let mut sheets = String::new();
    for number in 0..4000 {
        write!(sheets, "<sheet name=\"{number}\" r:id=\"rId1\"/>").expect("memory");
    }
    let relationship = RELATIONSHIP
        .replace("TYPE", "worksheet")
        .replace("TARGET", &target);
    workbook(&[
        (
            "xl/workbook.xml",
            format!("<workbook><sheets>{sheets}</sheets></workbook>"),
        ),
        ("xl/_rels/workbook.xml.rels", relationship),
    ])
}

const RELATIONSHIP: &str = r#"<Relationships><Relationship Id="rId1" Type="/relationships/TYPE"
    Target="TARGET"/></Relationships>"#;

/// Returns a workbook with one empty sheet. The given parts replace those of the same name.
fn workbook(parts: &[(&str, String)]) -> Vec<u8> {
    let relationship =
        |kind: &str, target: &str| RELATIONSHIP.replace("TYPE", kind).replace("TARGET", target);
    let sheet = "<sheet name=\"Devices\" r:id=\"rId1\"/>";
    let defaults = [
        (
            "_rels/.rels",
            relationship("officeDocument", "xl/workbook.xml"),
        ),
        (
            "xl/workbook.xml",
            format!("<workbook><sheets>{sheet}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            relationship("worksheet", "worksheets/sheet1.xml"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            "<worksheet><sheetData></sheetData></worksheet>".to_owned(),
        ),
    ];
    let is_replaced = |name: &str| parts.iter().any(|(part, _)| *part == name);
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let defaults = defaults.iter().filter(|(name, _)| !is_replaced(name));
    for (name, content) in defaults.chain(parts) {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(*name, options).expect("a valid name");
        archive.write_all(content.as_bytes()).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}
