//! The traps of spreadsheets, in the order of the contract.

use devices_domain::{NewDevice, Reason};
use devices_import::FileErrorReason;
use rstest::rstest;

use super::{C, Value, file_error, open, rows, values, workbook};

const IDENTIFIERS: [&str; 4] = [
    "serial_number",
    "asset_tag",
    "client_contract_number",
    "client_invoice_number",
];

/// Returns the expected value of a row.
fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Text(text.to_owned()))
}

fn reasons(values: &[Option<Value>]) -> Vec<&'static str> {
    let reason = |value: &Option<Value>| match value {
        Some(Value::Invalid(reason, _)) => *reason,
        _ => "",
    };
    values.iter().map(reason).collect()
}

#[test]
fn shortened_number_is_rejected() {
    for field in IDENTIFIERS {
        let file = format!("{field};name\n1.23E+11;A\n1,23E+11;B\n1E10;C\n");
        let read = values(file, "{}", field);
        assert_eq!(
            reasons(&read),
            ["spreadsheet_number", "spreadsheet_number", ""],
            "{field}"
        );
        let Some(Value::Invalid(_, detail)) = &read[0] else {
            panic!("{read:?}");
        };
        assert!(
            detail.contains("format the column as text and paste"),
            "{detail}"
        );
    }
    assert_eq!(
        values("comment,name\n1.23E+11,A\n", "{}", "comment"),
        [text("1.23E+11")]
    );
}

#[test]
fn number_of_15_digits_is_an_identifier() {
    for (field, header) in IDENTIFIERS.iter().map(|field| (*field, C::T(field))) {
        let file = workbook(&[
            &[header, C::T("name")],
            &[C::N(123_456_789_012_345.0)],
            &[C::N(1_234_567_890_123_456.0)],
            &[C::N(1_234_567_890_123_456_789.0)],
            &[C::N(12.5)],
            &[C::N(42.0)],
            &[C::T("00042")],
        ]);
        let read = values(file, "{}", field);
        assert_eq!(read[0], text("123456789012345"));
        assert_eq!(reasons(&read)[1..4], ["spreadsheet_number"; 3], "{field}");
        assert_eq!(read[4..], [text("42"), text("00042")]);
    }
}

#[test]
fn number_of_16_digits_is_rejected_everywhere() {
    let file = workbook(&[
        &[C::T("name"), C::T("model"), C::T("attributes.IMEI")],
        &[C::T("A"), C::N(1_234_567_890_123_456.0), C::N(3.5e15)],
        &[C::T("B"), C::N(13.3), C::N(352_000_000_000_001.0)],
    ]);
    let rows = rows(&mut open(file, "{}"));
    assert_eq!(rows[0].reason("model"), "spreadsheet_number");
    assert_eq!(rows[0].reason("attributes.IMEI"), "spreadsheet_number");
    assert_eq!(rows[1].text("model"), "13.3");
    assert_eq!(rows[1].text("attributes.IMEI"), "352000000000001");
}

#[test]
fn error_of_a_damaged_value_has_the_code_of_its_field() {
    let mut file = open("serial_number,name\n1.23E+11,A\n", "{}");
    let mut errors = Vec::new();
    file.read_rows(|_, raw| errors.extend(NewDevice::from_row(raw).unwrap_err()))
        .unwrap();
    let error = errors
        .iter()
        .find(|error| error.field.as_deref() == Some("serial_number"));
    let error = error.unwrap();
    assert_eq!(error.code.as_str(), "INVALID_SERIAL_NUMBER");
    assert_eq!(error.reason, Reason::SpreadsheetNumber);
}

#[test]
fn date_cell_is_its_day() {
    let file = workbook(&[
        &[C::T("name"), C::T("Purchase date"), C::T("comment")],
        &[C::T("A"), C::D("2024-05-31"), C::D("2024-04-03")],
    ]);
    let rows = rows(&mut open(file, "{}"));
    assert_eq!(rows[0].text("client_purchase_date"), "2024-05-31");
    assert_eq!(rows[0].text("comment"), "2024-04-03");
}

#[test]
fn day_number_is_rejected_unless_the_format_is_excel() {
    let csv = "name,Purchase date\nA,44927\n".to_owned();
    let xlsx = workbook(&[
        &[C::T("name"), C::T("Purchase date")],
        &[C::T("A"), C::N(44_927.0)],
    ]);
    for file in [csv.into_bytes(), xlsx] {
        let read = values(&file, "{}", "client_purchase_date");
        assert_eq!(reasons(&read), ["spreadsheet_number"]);
        let read = values(&file, r#"{"date_format":"excel"}"#, "client_purchase_date");
        assert_eq!(read, [text("2023-01-01")]);
    }
}

#[rstest]
#[case("31/05/2024", "2024-04-03")]
#[case("31.05.24", "2024-04-03")]
#[case("05-31-2024", "2024-03-04")]
#[case("1/23/23", "2024-03-04")]
fn one_row_decides_the_order_of_the_column(#[case] clear: &str, #[case] expected: &str) {
    let file = format!("name,Purchase date\nA,03/04/2024\nB,{clear}\n");
    assert_eq!(
        values(file, "{}", "client_purchase_date")[0],
        text(expected)
    );
}

#[test]
fn each_column_has_its_own_order() {
    let file = "name,Purchase date,Warranty expires\nA,03/04/2024,03/04/2027\n\
                B,31/05/2024,05/31/2027\n";
    let rows = rows(&mut open(file, "{}"));
    assert_eq!(rows[0].text("client_purchase_date"), "2024-04-03");
    assert_eq!(rows[0].text("client_warranty_endDate"), "2027-03-04");
}

#[rstest]
#[case::neither("03/04/2024", "04/05/2024", Some(2))]
#[case::both("31/05/2024", "05/31/2024", Some(3))]
fn undecided_order_is_an_error_of_the_column(
    #[case] first: &str,
    #[case] second: &str,
    #[case] row: Option<u32>,
) {
    let file = format!("name,Kaufdatum\nA,{first}\nB,{second}\n");
    let error = file_error(&file, "{}");
    assert_eq!(error.reason, FileErrorReason::AmbiguousDate);
    assert_eq!(error.columns[0].header, "Kaufdatum");
    assert_eq!((error.columns[0].letters().as_str(), error.row), ("B", row));
    assert!(error.message.contains("`date_format`"), "{}", error.message);
    assert!(
        !error.message.contains("2024"),
        "no values: {}",
        error.message
    );

    let read = values(
        &file,
        r#"{"date_format":"DD/MM/YYYY"}"#,
        "client_purchase_date",
    );
    let reason = if second == "05/31/2024" {
        "malformed"
    } else {
        ""
    };
    assert_eq!(reasons(&read), ["", reason]);
}

#[test]
fn amount_loses_symbol_and_thousands() {
    let file = "name;Purchase cost\nA;1.299,00 EUR\nB;$1,299.00\nC;1299\nD;1299,5\nE;1.299\n\
                F;1.2999\nG;free\n";
    let read = values(file, "{}", "client_purchase_price");
    let expected = [
        "1299.00", "1299.00", "1299", "1299.5", "1299", "1.2999", "free",
    ];
    assert_eq!(read, expected.map(text));
    let read = values(file, r#"{"decimal":"point"}"#, "client_purchase_price");
    let three = "too_many_decimals";
    assert_eq!(
        reasons(&read),
        ["malformed", "", "", "malformed", three, three, ""]
    );
}

#[test]
fn number_is_an_amount() {
    let file = workbook(&[
        &[C::T("name"), C::T("Purchase cost")],
        &[C::T("A"), C::N(1299.0)],
        &[C::T("B"), C::N(429.9)],
        &[C::T("C"), C::N(1.299)],
    ]);
    for json in ["{}", r#"{"decimal":"comma"}"#] {
        let read = values(&file, json, "client_purchase_price");
        assert_eq!(read, [text("1299.00"), text("429.90"), text("1.299")]);
    }
}

#[test]
fn words_and_cells_are_booleans() {
    let file = "name,is_rented\nA,yes\nB,non\nC,Ja\nD,x\nE,0\nF,\nG,maybe\n";
    let boolean = |value| Some(Value::Boolean(value));
    assert_eq!(
        values(file, "{}", "is_rented"),
        [
            boolean(true),
            boolean(false),
            boolean(true),
            boolean(true),
            boolean(false),
            None,
            text("maybe")
        ]
    );
    let file = workbook(&[
        &[C::T("name"), C::T("is_rented"), C::T("comment")],
        &[C::T("A"), C::B(true), C::B(true)],
        &[C::T("B"), C::N(0.0)],
        &[C::T("C"), C::N(2.0)],
    ]);
    assert_eq!(
        values(&file, "{}", "is_rented"),
        [boolean(true), boolean(false), text("2")]
    );
    assert_eq!(values(&file, "{}", "comment")[0], text("true"));
}

#[test]
fn line_break_is_text_in_comments_only() {
    let errors = |column: &str| {
        let file = format!("name,type,category,{column}\nA,laptop,computers,\"a\nb\"\n");
        let mut errors = 0;
        open(file, "{}")
            .read_rows(|_, raw| errors += NewDevice::from_row(raw).err().map_or(0, |e| e.len()))
            .unwrap();
        errors
    };
    assert_eq!(errors("comment"), 0);
    for column in [
        "brand",
        "serial_number",
        "user_email",
        "attributes.Room",
        "client_purchase_date",
    ] {
        assert_eq!(errors(column), 1, "{column}");
    }
    // Exports write a list in lines.
    assert_eq!(errors("tags"), 0);
}

#[test]
fn error_value_of_the_spreadsheet_is_rejected() {
    let file = workbook(&[&[C::T("name"), C::T("brand")], &[C::T("A"), C::E]]);
    assert_eq!(reasons(&values(file, "{}", "brand")), ["malformed"]);
    let file = "name,brand\nA,#N/A\nB,#BEZUG!\nC,#1\n";
    assert_eq!(
        reasons(&values(file, "{}", "brand")),
        ["malformed", "malformed", ""]
    );
    let json = r##"{"values":{"brand":{"#N/A":""}}}"##;
    assert_eq!(values("name,brand\nA,#N/A\n", json, "brand"), [None]);
}

#[test]
fn id_of_a_user_is_a_number() {
    let file = workbook(&[&[C::T("name"), C::T("user_id")], &[C::T("A"), C::N(7.0)]]);
    assert_eq!(values(file, "{}", "user_id"), [Some(Value::Integer(7))]);
    assert_eq!(
        values("name,user_id\nA,7\n", "{}", "user_id"),
        [Some(Value::Integer(7))]
    );
}

/// A spreadsheet makes a date of `FEB1`, and a boolean of `true`.
#[rstest]
#[case("serial_number")]
#[case("asset_tag")]
#[case("Contract number")]
#[case("Invoice number")]
fn converted_identifier_is_rejected(#[case] header: &'static str) {
    let bytes = workbook(&[
        &[C::T("name"), C::T(header)],
        &[C::T("A"), C::D("2024-02-01")],
        &[C::T("B"), C::B(true)],
    ]);
    let mut file = open(&bytes, "{}");
    let field = file.columns()[1].field.clone().unwrap();
    let read = rows(&mut file);
    let reasons: Vec<_> = read.iter().map(|row| row.reason(&field)).collect();
    assert_eq!(reasons, ["spreadsheet_number"; 2]);
    let json = format!(r#"{{"values":{{"{field}":{{"2024-02-01":"FEB1"}}}}}}"#);
    assert_eq!(rows(&mut open(&bytes, &json))[0].text(&field), "FEB1");
}

/// Exports write `="0012"` so that a spreadsheet keeps the zeros.
#[test]
fn protected_text_is_unwrapped() {
    let text = "=\"name\",serial_number,type\n\"=\"\"A\"\"\",=\"0012345\",=\"\"\n\
                B,=1+1,\"=\"\"a\"\"&\"\"b\"\"\"\n";
    let mut file = open(text, "{}");
    assert_eq!(file.columns()[0].header, "name");
    assert_eq!(file.columns()[1].samples[0], "0012345");
    let rows = rows(&mut file);
    assert_eq!(rows[0].text("name"), "A");
    assert_eq!(rows[0].text("serial_number"), "0012345");
    assert_eq!(rows[0].text("type"), "");
    assert_eq!(rows[1].text("serial_number"), "=1+1");
    assert_eq!(rows[1].text("type"), "=\"a\"&\"b\"");
}

#[test]
fn error_value_is_not_translated_as_an_empty_cell() {
    let bytes = workbook(&[&[C::T("name"), C::T("brand")], &[C::T("A"), C::E]]);
    let row = &rows(&mut open(bytes, r#"{"values":{"brand":{"":"Dell"}}}"#))[0];
    assert_eq!(row.reason("brand"), "malformed");
}

#[test]
fn malformed_date_recommends_the_iso_form() {
    let text = "name;Kaufdatum\nA;31.12.2024\nB;31.02.2024\n";
    for json in ["{}", r#"{"date_format":"DD/MM/YYYY"}"#] {
        match &rows(&mut open(text, json))[1].values["client_purchase_date"] {
            Value::Invalid("malformed", detail) => {
                assert!(detail.ends_with("write it as 2024-05-31, in the order year, month, day"));
            }
            other => panic!("{other:?}"),
        }
    }
}
