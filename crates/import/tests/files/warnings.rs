//! Warnings.

use devices_import::WarningKind;

use super::{C, File, open, workbook};

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

#[test]
fn dates_beside_texts_may_be_swapped() {
    let file = |date| {
        let header = [C::T("name"), C::T("Purchase date")];
        let rows: [&[C]; 3] = [
            &header,
            &[C::T("A"), C::D(date)],
            &[C::T("B"), C::T("31/05/2024")],
        ];
        open(workbook(&rows), "{}")
    };
    let kinds = |file: &File| file.warnings().iter().map(|w| w.kind).collect::<Vec<_>>();
    let swapped = file("2024-04-03");
    assert_eq!(kinds(&swapped), [WarningKind::SwappedDates]);
    assert_eq!(
        swapped.warnings()[0].message,
        "column `Purchase date` (B) has both dates and texts: a spreadsheet may have swapped day \
         and month of the dates, first in row 2: compare them with the original"
    );
    assert_eq!(kinds(&file("2024-04-13")), []);
}

#[test]
fn column_that_cannot_be_an_attribute_says_why() {
    let text = format!("name,{},\nA,x,y\n", "H".repeat(65));
    let file = open(text, r#"{"other_columns":"attributes"}"#);
    let messages: Vec<_> = file.warnings().iter().map(|w| &w.message).collect();
    assert!(
        messages[0].contains("a key of at most 64 characters"),
        "{messages:?}"
    );
    assert_eq!(
        *messages[1],
        "column C is not used, because it has no header: map it to `attributes.` and a key"
    );
}
