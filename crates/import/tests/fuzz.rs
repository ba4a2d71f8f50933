//! Reads mutated files. Every file is read or rejected: no input panics or uses unbounded memory.
//!
//! `make fuzz` sets `FUZZ_SECONDS` to search longer than the tests do.

use std::env;
use std::io::{Cursor, Read, Write};
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use devices_import::{
    ImportError, ImportFile, ImportLimits, ImportOptions, RejectedCell, RejectedFormat,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestError, TestRunner};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, XlsxError};

const TABLE: &str = "Inventar;;;\n\nSeriennummer;Gerät;Kaufdatum;Preis\nA1;Laptop;03.04.2024;1.299,00 €\n\
    0012;\"Dell \"\"XPS\"\"\";13/01/24;12\nB2;\"a\nb\";44927;1,23E+11\n;;;\n";

/// Number of cases between two looks at the clock.
const CASES: u32 = 32;

/// A mutation of a file. Positions are relative: shrinking a case keeps them valid.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Truncate(Index),
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Insert(at, token) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, token.iter().copied());
            }
            _ if bytes.is_empty() => {}
            Self::Replace(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Remove(at, length) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Self::Repeat(at, length, times) => {
                let at = at.index(bytes.len());
                let end = (at + length).min(bytes.len());
                let repeated = bytes[at..end].repeat(*times);
                bytes.splice(end..end, repeated);
            }
            Self::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

fn apply(mutations: &[Mutation], bytes: &mut Vec<u8>) {
    for mutation in mutations {
        mutation.apply(bytes);
    }
}

/// Fragments that have a meaning in one of the formats.
const TOKENS: &[&[u8]] = &[
    b"\"",
    b"\"\"",
    b";",
    b",",
    b"\t",
    b"|",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\xFE\xFF",
    b"\xC3",
    b"\x9F",
    b"sep=;\r\n",
    b"Serial Number",
    b"type",
    b"attributes.",
    b"Error",
    b"1.23E+11",
    b"03/04/2024",
    b"29.02.2023",
    b"99999999999999999999",
    b"-",
    b"1.299,00",
    b"=1+1",
    b"<",
    b">",
    b"/>",
    b"<c>",
    b"</c>",
    b"<row>",
    b"</row>",
    b"<row r=\"4294967295\">",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?x?>",
    b"&#0;",
    b"&lt;",
    b"&x;",
    b" r=\"XFD1048576\"",
    b" r=\"A0\"",
    b" r=\"ZZZZZZZZ99999999999\"",
    b" s=\"1\"",
    b" t=\"s\"",
    b" t=\"e\"",
    b" t=\"d\"",
    b"<v>1</v>",
    b"<v>1e308</v>",
    b"<v>-1</v>",
    b"<v>#N/A</v>",
    b"<f>A1</f>",
    b"<si/>",
    b"<t>x</t>",
    b" uniqueCount=\"18446744073709551615\"",
    b" ref=\"B2:A1\"",
    b"<dimension ref=\"B2:A1\"/>",
    b" date1904=\"1\"",
    b" state=\"hidden\"",
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\xFF\xFF\xFF\xFF",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    let token = prop::sample::select(TOKENS);
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        8 => (at(), token).prop_map(|(at, token)| Mutation::Insert(at, token)),
        4 => (at(), 1..60_usize).prop_map(|(at, length)| Mutation::Remove(at, length)),
        2 => (at(), 1..60_usize, 1..300_usize)
            .prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        1 => at().prop_map(Mutation::Truncate),
    ]
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    prop::collection::vec(mutation(), 0..8)
}

const OPTIONS: &[&str] = &[
    "{}",
    r#"{"other_columns": "attributes", "date_format": "DD/MM/YYYY", "decimal": "comma"}"#,
    r#"{"header_row": 3, "date_format": "excel", "name_from": "{Seriennummer} {Preis}"}"#,
    r#"{"columns": {"Preis": null}, "defaults": {"type": "laptop", "category": "computers"}}"#,
];

fn options() -> impl Strategy<Value = ImportOptions> {
    let parse = |text| ImportOptions::parse(text, &[]).expect("valid options").0;
    prop::sample::select(OPTIONS).prop_map(parse)
}

static TEXTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| TABLE.encode_utf16().flat_map(to_bytes).collect();
    vec![
        TABLE.as_bytes().to_vec(),
        TABLE.replace(';', ",").replace('\n', "\r\n").into_bytes(),
        TABLE.replace(';', "\t").replace('\n', "\r").into_bytes(),
        encoding_rs::WINDOWS_1252.encode(TABLE).0.into_owned(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ]
});

static WORKBOOK: LazyLock<Vec<u8>> = LazyLock::new(|| write_workbook().expect("valid cells"));

fn write_workbook() -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let date = Format::new().set_num_format("dd.mm.yyyy");
    workbook
        .add_worksheet()
        .set_hidden(true)
        .write(0, 0, "hidden")?;
    let sheet = workbook.add_worksheet();
    sheet
        .set_active(true)
        .merge_range(0, 0, 1, 3, "Inventar", &Format::new())?;
    for (column, header) in ["Seriennummer", "Gerät", "Kaufdatum", "Preis"]
        .iter()
        .enumerate()
    {
        sheet.write(2, column as u16, *header)?;
    }
    for row in 3..8 {
        sheet
            .write(row, 0, f64::from(row) * 1e9)?
            .write(row, 1, "Laptop & \"Maus\"")?;
        sheet.write_with_format(row, 2, &ExcelDateTime::from_ymd(2024, 2, 29)?, &date)?;
        sheet.write(row, 3, Formula::new("=1+1").set_result("2"))?;
    }
    sheet.write(8, 1, true)?;
    workbook.save_to_buffer()
}

/// Parts of the workbook, by name.
fn parts(workbook: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).expect("an archive");
    let read = |index| {
        let mut part = archive.by_index(index).expect("a part");
        let mut content = Vec::new();
        part.read_to_end(&mut content).expect("a part");
        (part.name().expect("a name").into_owned(), content)
    };
    let count = zip::ZipArchive::new(Cursor::new(workbook))
        .expect("an archive")
        .len();
    (0..count).map(read).collect()
}

fn archive(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        let options = zip::write::SimpleFileOptions::default();
        archive
            .start_file(name.as_str(), options)
            .expect("a valid name");
        archive.write_all(content).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

/// Reads the file twice. The rows ascend, and do not change.
fn check(bytes: &[u8], options: &ImportOptions) -> Result<(), TestCaseError> {
    let limits = ImportLimits::default();
    let mut file = match ImportFile::open(Cursor::new(bytes), options, limits) {
        Ok(file) => file,
        Err(ImportError::Io(error)) => return Err(TestCaseError::fail(error.to_string())),
        Err(ImportError::File(_) | ImportError::Option(_)) => return Ok(()),
    };
    let mut read = || {
        let mut rows = Vec::new();
        file.read_rows(|row, fields| rows.push((row, format!("{fields:?}"))))
            .map(|()| rows)
    };
    let rows = read().map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&read().ok(), &Some(rows.clone()));
    prop_assert_eq!(file.description().rows, rows.len());
    prop_assert!(rows.len() <= limits.max_rows);
    prop_assert!(rows.is_sorted_by(|(row, _), (next, _)| row < next));
    let numbers: Vec<u32> = rows.iter().map(|(row, _)| *row).collect();
    check_parts(&mut file, &numbers)?;
    check_rejected(&mut file, &numbers)
}

/// Divides the file into parts. Each row is in one part, or rejected.
fn check_parts(file: &mut ImportFile<Cursor<&[u8]>>, numbers: &[u32]) -> Result<(), TestCaseError> {
    let mut found = Vec::new();
    let read = file.read_parts(3, 1_000, |part| {
        found.extend(part.rows);
        found.extend(part.rejected.into_keys());
        ControlFlow::Continue(())
    });
    prop_assert!(read.is_ok());
    found.sort_unstable();
    prop_assert_eq!(found, numbers);
    Ok(())
}

/// Writes all rows as rejected, in both formats.
fn check_rejected(
    file: &mut ImportFile<Cursor<&[u8]>>,
    numbers: &[u32],
) -> Result<(), TestCaseError> {
    let cell = RejectedCell {
        column: Some(0),
        message: "is invalid".to_owned(),
    };
    let errors = numbers.iter().map(|row| (*row, vec![cell.clone()]));
    let errors = errors.collect();
    for format in [RejectedFormat::Csv, RejectedFormat::Xlsx] {
        let mut output = Vec::new();
        let written = file.write_rejected_rows(&errors, format, &mut output);
        prop_assert!(written.is_ok());
        prop_assert!(!output.is_empty());
    }
    Ok(())
}

/// Runs a few cases, or as many as fit into `FUZZ_SECONDS`.
fn fuzz<S: Strategy>(strategy: S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seconds = env::var("FUZZ_SECONDS").map_or(0, |text| text.parse().expect("a number"));
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut cases = 0;
    loop {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            ..Config::default()
        };
        match TestRunner::new(config).run(&strategy, &check) {
            Ok(()) => cases += CASES,
            Err(TestError::Fail(reason, case)) => panic!("{reason}\nminimal case: {case:?}"),
            Err(error) => panic!("{error}"),
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    println!("{cases} cases");
}

#[test]
fn mutated_text_is_read_or_rejected() {
    fuzz(
        (any::<Index>(), mutations(), options()),
        |(seed, mutations, options)| {
            let mut bytes = seed.get(&TEXTS).clone();
            apply(&mutations, &mut bytes);
            check(&bytes, &options)
        },
    );
}

#[test]
fn mutated_part_is_read_or_rejected() {
    let parts = parts(&WORKBOOK);
    let is_read = |name: &str| !name.starts_with("docProps/") && !name.contains("theme");
    let read_parts: Vec<_> = (0..parts.len())
        .filter(|part| is_read(&parts[*part].0))
        .collect();
    fuzz(
        (any::<Index>(), mutations(), options()),
        |(part, mutations, options)| {
            let mut parts = parts.clone();
            let part = read_parts[part.index(read_parts.len())];
            apply(&mutations, &mut parts[part].1);
            check(&archive(&parts), &options)
        },
    );
}

#[test]
fn mutated_archive_is_read_or_rejected() {
    fuzz((mutations(), options()), |(mutations, options)| {
        let mut bytes = WORKBOOK.clone();
        apply(&mutations, &mut bytes);
        check(&bytes, &options)
    });
}
