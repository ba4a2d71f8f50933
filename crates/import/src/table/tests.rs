//! Tests of whole text files.

use std::io::Cursor;

use devices_domain::{NewDevice, RawValue, Reason};

use crate::{FileErrorReason, ImportError, ImportFile, ImportLimits, ImportOptions, WarningKind};

fn options(json: &str) -> ImportOptions {
    ImportOptions::parse(json, &[]).unwrap().0
}

fn open(text: &str, json: &str) -> ImportFile<Cursor<Vec<u8>>> {
    try_open(text, json).unwrap()
}

fn try_open(text: &str, json: &str) -> Result<ImportFile<Cursor<Vec<u8>>>, ImportError> {
    let reader = Cursor::new(text.as_bytes().to_vec());
    ImportFile::open(reader, &options(json), ImportLimits::default())
}

/// Returns the row number of each row, and its values as `field=text`, without empty ones.
fn rows(file: &mut ImportFile<Cursor<Vec<u8>>>) -> Vec<(u32, String)> {
    let mut rows = Vec::new();
    file.read_rows(|row, raw| {
        let values = raw
            .present_fields()
            .filter_map(|(name, value)| match value {
                RawValue::Text(text) if text.is_empty() => None,
                RawValue::Text(text) => Some(format!("{name}={text}")),
                RawValue::Invalid(invalid) => Some(format!("{name}!{}", invalid.reason.as_str())),
                RawValue::Boolean(value) => Some(format!("{name}={value}")),
                RawValue::Integer(value) => Some(format!("{name}={value}")),
                RawValue::Object(members) => Some(format!("{name}={members:?}")),
                other => Some(format!("{name}={other:?}")),
            });
        rows.push((row, values.collect::<Vec<_>>().join(" ")));
    })
    .unwrap();
    rows
}

fn row_texts(text: &str, json: &str) -> Vec<String> {
    let rows = rows(&mut open(text, json));
    rows.into_iter().map(|(_, row)| row).collect()
}

fn file_error(text: &str, json: &str) -> (FileErrorReason, String) {
    match try_open(text, json).err() {
        Some(ImportError::File(error)) => (error.reason, error.message),
        other => panic!("{other:?}"),
    }
}

fn option_error(text: &str, json: &str) -> (String, String) {
    match try_open(text, json).err() {
        Some(ImportError::Option(error)) => (error.pointer, error.message),
        other => panic!("{other:?}"),
    }
}

fn warnings(text: &str, json: &str) -> Vec<(WarningKind, String)> {
    let file = open(text, json);
    let warnings = file.warnings().iter();
    warnings
        .map(|warning| (warning.kind, warning.message.clone()))
        .collect()
}

#[test]
fn rows_are_read_with_defaults_and_translations() {
    let text =
        "Item name;Serial No.;Art;Room\nA;1;Notebook;B1\n\nB;2;NOTEBOOK;\n;;;\nC;3;Tablet;B2\n";
    let json = r#"{"columns":{"Art":"type"},"defaults":{"category":"computers"},
        "values":{"type":{"Notebook":"laptop"}}}"#;
    let mut file = open(text, json);
    assert_eq!(file.description().rows, 3);
    assert_eq!(file.description().header_row, 1);
    assert_eq!(file.missing_fields(), [""; 0]);
    assert_eq!(
        rows(&mut file),
        [
            (
                2,
                "name=A type=laptop category=computers serial_number=1".to_owned()
            ),
            (
                4,
                "name=B type=laptop category=computers serial_number=2".to_owned()
            ),
            (
                6,
                "name=C type=Tablet category=computers serial_number=3".to_owned()
            ),
        ]
    );
    assert_eq!(open(text, "{}").missing_fields(), ["type", "category"]);
}
