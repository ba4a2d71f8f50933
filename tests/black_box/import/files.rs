//! Files that cannot be read or interpreted.

use devices_tests::{Api, Form};
use serde_json::json;

use super::workbooks::{workbook, write_texts};
use super::{HEADER, import};

/// First bytes of a compound file: an old `.xls`, and an encrypted `.xlsx`.
const COMPOUND_FILE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];

const ROW: &str = "SN-00001,Laptop 00001,laptop,computers";

#[test]
fn unreadable_files_are_rejected_with_their_reason() {
    let api = Api::start();
    let jpeg = [b"\xFF\xD8\xFF\xE0\0\x10JFIF\0".as_slice(), &[0x9D; 2_000]].concat();
    let old = [COMPOUND_FILE.as_slice(), &[0; 2_000]].concat();
    let stream: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let encrypted = [old.as_slice(), &stream, &[0; 100]].concat();
    let many_columns = format!("{}\n", "x,".repeat(1_000_000));
    let mut cut = workbook(|sheet| write_texts(sheet, 0, &["name", "type"]));
    cut.truncate(cut.len() / 2);
    for (name, content, reason) in [
        ("photo.csv", jpeg, "unsupported_kind"),
        ("old.xlsx", old, "unsupported_kind"),
        ("encrypted.xlsx", encrypted, "encrypted"),
        ("empty.csv", Vec::new(), "empty"),
        ("blank.csv", b"\r\n\r\n,,,\r\n".to_vec(), "empty"),
        ("header.csv", HEADER.into(), "empty"),
        ("wide.csv", many_columns.into(), "too_many_columns"),
        ("cut.xlsx", cut, "damaged"),
        (
            "quote.csv",
            format!("{HEADER}\nSN-1,\"never closed,laptop,computers\n").into(),
            "damaged",
        ),
    ] {
        let form = || Form::of_file(name, &content);
        let response = import(&api, form());
        assert_eq!(response.status, 400, "{name}: {}", response.text);
        let body = response.json();
        assert_eq!(body["error"], "INVALID_FILE", "{name}: {body}");
        assert_eq!(body["reason"], reason, "{name}: {body}");
        assert_eq!(body["errors"][0]["reason"], body["reason"], "{name}");
        assert_eq!(body["errors"][0]["message"], body["message"], "{name}");
        let validated = api.send_form("/devices/import/validate", form());
        assert_eq!((validated.status, validated.json()), (400, body), "{name}");
    }
}

#[test]
fn ambiguous_dates_name_their_column() {
    let api = Api::start();
    let header = format!("{HEADER},Purchase Date");
    let rows = [format!("{ROW},03/04/2024")];
    let rows = rows.each_ref().map(String::as_str);
    let form = || Form::of_csv(&header, &rows);
    let rejected = import(&api, form());
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    let body = rejected.json();
    assert_eq!(body["reason"], "ambiguous_date");
    let error = &body["errors"][0];
    assert_eq!([&error["column"], &error["header"]], ["E", "Purchase Date"]);
    assert_eq!(error["code"], "INVALID_FILE");
    let stated = form().with_options(&json!({"date_format": "DD/MM/YYYY"}));
    assert_eq!(import(&api, stated).status, 201);
    let device = &api.get_json("/devices")["data"][0];
    assert_eq!(device["client_purchase_date"], "2024-04-03");
}

#[test]
fn field_of_two_columns_names_both() {
    let api = Api::start();
    let header = format!("{HEADER},Service Tag");
    let form = Form::of_file("a.csv", format!("{header}\n{ROW},SN-2\n"));
    let rejected = import(&api, form);
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    let body = rejected.json();
    assert_eq!(body["reason"], "duplicate_field");
    let columns: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["column"].clone(), error["header"].clone()))
        .collect();
    assert_eq!(
        columns,
        [
            (json!("A"), json!("Serial Number")),
            (json!("E"), json!("Service Tag"))
        ]
    );
}

#[test]
fn unknown_columns_can_be_errors() {
    let api = Api::start();
    let form = Form::of_file("a.csv", format!("{HEADER},Room\n{ROW},B-204\n"));
    let rejected = import(&api, form.with_options(&json!({"other_columns": "error"})));
    let body = rejected.json();
    assert_eq!(body["reason"], "unknown_column", "{body}");
    assert_eq!(body["errors"][0]["column"], "E");
}

#[test]
fn encodings_are_detected() {
    let api = Api::start();
    let text = "Seriennummer;Name;Type;Category;Notes\r\nSN-1;Gerät;laptop;computers;Büro\r\n";
    let windows_1252: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bom = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
    for (number, file) in [windows_1252, utf_16, bom].into_iter().enumerate() {
        let form = Form::of_file("a.csv", file).with_options(&json!({"on_conflict": "update"}));
        let stored = import(&api, form);
        assert_eq!(stored.status, 200, "{number}: {}", stored.text);
        let expected = if number == 0 { "created" } else { "unchanged" };
        assert_eq!(stored.json()["data"]["batch"][expected], 1, "{number}");
    }
    let device = &api.get_json("/devices")["data"][0];
    assert_eq!([&device["name"], &device["comment"]], ["Gerät", "Büro"]);
}
