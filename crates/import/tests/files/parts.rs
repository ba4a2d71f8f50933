//! Parts of a large file.

use std::ops::ControlFlow;

use devices_import::Part;
use proptest::prelude::*;

use super::generated::{cells, table};
use super::{C, File, Row, Value, open, rows, validated, workbook};

/// Options with which the program sends a part.
const PART_OPTIONS: &str = r#"{"encoding":"utf-8","delimiter":",","header_row":1,
    "date_format":"YYYY-MM-DD","decimal":"point"}"#;

fn parts(file: &mut File, max_rows: usize, max_bytes: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    file.read_parts(max_rows, max_bytes, |part| {
        parts.push(part);
        ControlFlow::Continue(())
    })
    .expect("a readable file");
    parts
}

/// Reads a part as a server does, with the numbers of the rows in the file.
fn read_part(part: &Part) -> Vec<Row> {
    if part.rows.is_empty() {
        return Vec::new();
    }
    let mut read = rows(&mut open(&part.csv, PART_OPTIONS));
    assert_eq!(read.len(), part.rows.len());
    for (row, number) in read.iter_mut().zip(&part.rows) {
        row.number = *number;
    }
    read
}

#[test]
fn file_is_divided_into_canonical_parts() {
    let text = "Gerät;Art;Kaufdatum;Preis;Leasing\nA;Notebook;31.12.2024;1.299,00 EUR;ja\n\
                B;Handy;03.04.2024;5;\n\nC;Handy;;;nein\n";
    let json = r#"{"columns":{"Gerät":"name","Art":"type","Preis":"client_purchase_price",
        "Leasing":"is_rented"},"values":{"type":{"Notebook":"laptop"}},
        "defaults":{"category":"computers"}}"#;
    let parts = parts(&mut open(text, json), 2, 1_000);
    assert_eq!(parts.len(), 2);
    assert_eq!(
        String::from_utf8_lossy(&parts[0].csv),
        "name,type,client_purchase_date,client_purchase_price,is_rented,category\n\
         A,laptop,2024-12-31,1299.00,true,computers\nB,Handy,2024-04-03,5,,computers\n"
    );
    assert_eq!(parts[0].rows, [2, 3]);
    assert_eq!(parts[1].rows, [5]);
    assert_eq!(
        parts[0].columns,
        [Some(0), Some(1), Some(2), Some(3), Some(4), None]
    );
}

#[test]
fn damaged_and_useless_rows_are_rejected_locally() {
    let text = "Serial,Make,Room\nA1,Dell,1\n1.23E+11,Dell,2\n,,3\nA2,Dell,4,5\nserial,make,4\n";
    let parts = parts(&mut open(text, "{}"), 100, 10_000);
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].rows, [2]);
    let rejected: Vec<_> = parts[0].rejected.keys().copied().collect();
    assert_eq!(rejected, [3, 4, 5, 6]);
    let error = &parts[0].rejected[&3][0];
    assert_eq!(error.column, Some(0));
    assert!(
        error.message.starts_with("`serial_number` was shortened"),
        "{}",
        error.message
    );
    assert_eq!(
        parts[0].rejected[&6][0].message,
        "the row repeats the header"
    );
}

#[test]
fn part_of_a_workbook_is_read_like_the_workbook() {
    let bytes = workbook(&[
        &[
            C::T("serial_number"),
            C::T("Purchase cost"),
            C::T("Purchase date"),
            C::T("is_rented"),
            C::T("tags"),
            C::T("user_id"),
        ],
        &[
            C::N(42.0),
            C::N(429.9),
            C::D("2024-05-31"),
            C::B(true),
            C::T("a\nb"),
            C::N(7.0),
        ],
        &[
            C::T("00042"),
            C::T("200,0000"),
            C::T("31/12/2024"),
            C::T("?"),
            C::T("x"),
            C::T("y"),
        ],
        &[
            C::T("1"),
            C::T("1,29,00"),
            C::T(""),
            C::T("x"),
            C::B(true),
            C::T(""),
        ],
    ]);
    let mut file = open(&bytes, r#"{"other_columns":"attributes"}"#);
    let read = rows(&mut file);
    let again: Vec<Row> = parts(&mut file, 2, 10_000)
        .iter()
        .flat_map(read_part)
        .collect();
    assert_eq!(comparable(again), comparable(read));
}

/// Replaces amounts that validation rejects.
fn comparable(rows: Vec<Row>) -> Vec<Row> {
    let value = |(field, value): (String, Value)| {
        let value = validated(&field, &value);
        (field, value)
    };
    let row = |Row { number, values }| Row {
        number,
        values: values.into_iter().map(value).collect(),
    };
    rows.into_iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_are_read_like_the_file(
        cells in cells(),
        json in prop::sample::select(&[
            r#"{"date_format":"DD/MM/YYYY"}"#,
            r#"{"date_format":"MM/DD/YYYY","decimal":"comma","other_columns":"attributes"}"#,
            r#"{"date_format":"excel","decimal":"point","name_from":"{brand} {Room}"}"#,
            r#"{"date_format":"YYYY-MM-DD","values":{"brand":{"x":"y","":"z"}}}"#,
        ][..]),
    ) {
        let text = table(&cells);
        let json = json.replacen('{', r#"{"delimiter":",","encoding":"utf-8","#, 1);
        let Ok(mut file) = super::try_open(&text, &json) else {
            return Ok(());
        };
        let read = rows(&mut file);
        let parts = parts(&mut file, 3, 10_000);
        let rejected: Vec<u32> = parts.iter().flat_map(|part| part.rejected.keys().copied()).collect();
        let sent: Vec<Row> = read.into_iter().filter(|row| !rejected.contains(&row.number)).collect();
        let again: Vec<Row> = parts.iter().flat_map(read_part).collect();
        prop_assert_eq!(comparable(again), comparable(sent));
    }
}
