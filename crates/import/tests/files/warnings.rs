//! Warnings.

use devices_import::WarningKind;

use super::{C, open, workbook};

fn warnings(bytes: impl AsRef<[u8]>, json: &str) -> Vec<(WarningKind, Option<usize>, String)> {
    let file = open(bytes, json);
    let warnings = file.warnings().iter();
    warnings
        .map(|warning| (warning.kind, warning.column, warning.message.clone()))
        .collect()
}

#[test]
fn ignored_and_similar_columns_are_warnings() {
    let text = "Seriel number,Room,Model,Model number,,\nA,1,X,Y,note,\n";
    assert_eq!(
        warnings(text, "{}"),
        [
            (
                WarningKind::SimilarColumn,
                Some(0),
                "column `Seriel number` (A) is taken for `serial_number`, because its header is \
                 similar: check it"
                    .to_owned()
            ),
            (
                WarningKind::IgnoredColumn,
                Some(1),
                "column `Room` (B) is not used, because no field is known for it".to_owned()
            ),
            (
                WarningKind::IgnoredColumn,
                Some(3),
                "column `Model number` (D) is not used, because column `Model` (C) provides \
                 `model`"
                    .to_owned()
            ),
            (
                WarningKind::IgnoredColumn,
                Some(4),
                "column E is not used, because no field is known for it".to_owned()
            ),
        ]
    );
    let json = r#"{"columns":{"Seriel number":"serial_number","Room":null,"Model number":null,
        "Column E":null}}"#;
    assert_eq!(warnings(text, json), []);
}

#[test]
fn short_numbers_are_a_warning() {
    let file = workbook(&[
        &[C::T("Serial"), C::T("Asset tag")],
        &[C::T("00123456"), C::N(1.0)],
        &[C::N(123_457.0), C::N(10.0)],
        &[C::N(12_345_678.0), C::N(100.0)],
    ]);
    let warnings = warnings(file, "{}");
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        (warnings[0].0, warnings[0].1),
        (WarningKind::LeadingZeros, Some(0))
    );
    assert_eq!(
        warnings[0].2,
        "column `Serial` (A) has 1 number that is shorter than the usual 8 characters, first in \
         row 3: a spreadsheet may have removed leading zeros"
    );
}

#[test]
fn unused_default_is_a_warning() {
    let warnings = warnings("name,type\nA,laptop\n", r#"{"defaults":{"type":"phone"}}"#);
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        (warnings[0].0, warnings[0].1),
        (WarningKind::UnusedDefault, Some(1))
    );
}

#[test]
fn warnings_contain_no_values() {
    let text = "Serial,Room,type\nSECRET1,SECRET2,SECRET3\n1,SECRET2,\n";
    let json = r#"{"defaults":{"type":"SECRET4"}}"#;
    for (_, _, message) in warnings(text, json) {
        assert!(!message.contains("SECRET"), "{message}");
    }
}
