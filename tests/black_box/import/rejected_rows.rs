//! Files of rejected rows, to be fixed and sent again.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use devices_tests::{Api, Form, Response};
use serde_json::json;

use super::workbooks::{workbook, write_texts};
use super::{HEADER, import};

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Returns the file of the rejected rows in a format.
#[track_caller]
fn rejected(api: &Api, accept: &str, form: Form) -> Response {
    let headers = [("Accept", accept)];
    let response = api.send_form_with("/devices/import/validate", &headers, form);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.header("vary"), "Accept");
    response
}

#[test]
fn corrected_csv_is_imported_again() {
    let api = Api::start();
    let header = "Raum;Seriennummer;Name;Type;Category";
    let file = format!(
        "{header}\r\nB-1;SN-1;Laptop 1;laptop;computers\r\nB-2;None;Gerät;laptop;computers\r\n\
         B-3;SN-3;;laptop;computers\r\n"
    );
    let windows_1252: Vec<u8> = file.chars().map(|c| c as u8).collect();
    let form = || Form::of_file("Geräte.csv", &windows_1252);
    let response = rejected(&api, "text/csv", form());
    let media_type = "text/csv; charset=windows-1252; header=present";
    assert_eq!(response.header("content-type"), media_type);
    assert_eq!(
        response.header("content-disposition"),
        "attachment; filename=\"Ger_te.rejected.csv\"; \
         filename*=UTF-8''Ger%C3%A4te.rejected.csv"
    );
    let text: String = response
        .bytes
        .iter()
        .map(|byte| char::from(*byte))
        .collect();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(format!("{header};Error").as_str()));
    let first = lines.next().unwrap();
    assert!(
        first.starts_with("B-2;None;Gerät;laptop;computers;"),
        "{first}"
    );
    assert_eq!(lines.count(), 1);

    let options = json!({"atomic": false});
    assert_eq!(import(&api, form().with_options(&options)).status, 207);
    let corrected = text
        .replace("None", "SN-2")
        .replace("SN-3;;", "SN-3;Laptop 3;");
    let corrected: Vec<u8> = corrected.chars().map(|c| c as u8).collect();
    let again = import(&api, Form::of_file("again.csv", corrected));
    assert_eq!(again.status, 201, "{}", again.text);
    assert_eq!(again.json()["data"]["batch"]["created"], 2);
    assert_eq!(api.get_json("/devices")["meta"]["total"], 3);
}

#[test]
fn media_type_states_the_written_encoding() {
    let api = Api::start();
    // In windows-1251. The one letter of the rejected row would be taken for another encoding.
    let file = b"name,type,category\n\xCF\xF0\xE8\xE2\xE5\xF2 \xEC\xE8\xF0,laptop,computers\n\
                 \xCF,,computers\n";
    let response = rejected(&api, "text/csv", Form::of_file("laptops.csv", file));
    let media_type = "text/csv; charset=utf-8; header=present";
    assert_eq!(response.header("content-type"), media_type);
    let text = String::from_utf8(response.bytes).unwrap();
    let rows = "\u{FEFF}name,type,category,Error\nП,,computers,";
    assert!(text.starts_with(rows), "{text}");
}

#[test]
fn workbook_has_texts_and_errors() {
    let api = Api::start();
    let bytes = workbook(|sheet| {
        write_texts(sheet, 0, &["Name", "Type", "Category", "Serial Number"]);
        write_texts(sheet, 1, &["LT-0412", "laptop", "computers", "SN-1"]);
        write_texts(sheet, 2, &["LT-0413", "laptop", "computers"]);
        sheet.write_number(2, 3, 1.5e20).unwrap();
    });
    let response = rejected(&api, XLSX, Form::of_file("fleet.xlsx", bytes));
    assert_eq!(response.header("content-type"), XLSX);
    let name = "attachment; filename=\"fleet.rejected.xlsx\"";
    assert_eq!(response.header("content-disposition"), name);
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(response.bytes)).unwrap();
    let range = workbook.worksheet_range_at(0).unwrap().unwrap();
    let rows: Vec<_> = range.rows().collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0][4], Data::String("Error".to_owned()));
    assert_eq!(rows[1][0], Data::String("LT-0413".to_owned()));
    assert!(matches!(&rows[1][3], Data::String(_)), "{:?}", rows[1]);
    let Data::String(error) = &rows[1][4] else {
        panic!("{:?}", rows[1]);
    };
    assert!(error.contains("Serial Number"), "{error}");
}

#[test]
fn file_without_rejected_rows_has_only_a_header() {
    let api = Api::start();
    let form = Form::of_csv(HEADER, &["SN-1,Laptop 1,laptop,computers"]);
    let response = rejected(&api, "text/csv", form);
    assert_eq!(response.text.trim_end(), format!("{HEADER},Error"));
}

#[test]
fn accept_selects_the_format() {
    let api = Api::start();
    let form = || Form::of_csv(HEADER, &["SN-1,,laptop,computers"]);
    for (accept, media_type) in [
        ("*/*", "application/json"),
        ("application/json, text/csv;q=0.5", "application/json"),
        (
            "text/csv, */*;q=0.1",
            "text/csv; charset=utf-8; header=present",
        ),
        ("text/*", "text/csv; charset=utf-8; header=present"),
        (XLSX, XLSX),
    ] {
        let response = rejected(&api, accept, form());
        assert_eq!(response.header("content-type"), media_type, "{accept}");
    }
    for accept in ["image/png", "text/csv;q=0"] {
        let headers = [("Accept", accept)];
        let response = api.send_form_with("/devices/import/validate", &headers, form());
        response.assert_error(406, "NOT_ACCEPTABLE");
    }
    // An error is always JSON.
    let headers = [("Accept", "text/csv")];
    let unreadable = Form::of_file("a.csv", "");
    let response = api.send_form_with("/devices/import/validate", &headers, unreadable);
    assert_eq!(response.json()["error"], "INVALID_FILE");
}

#[test]
fn file_name_is_never_a_path() {
    let api = Api::start();
    for name in [
        "/etc/passwd",
        "..\\..\\devices.csv",
        "a%00b.csv",
        "Geräte \u{202e}.csv",
        &"x".repeat(10_000),
        "",
    ] {
        let form = Form::of_file(name, format!("{HEADER}\nSN-1,,laptop,computers\n"));
        let headers = [("Accept", "text/csv")];
        let response = api.send_form_with("/devices/import/validate", &headers, form);
        assert_eq!(response.status, 200, "{name}: {}", response.text);
        let disposition = response.headers["content-disposition"].to_str().unwrap();
        assert!(!disposition.contains(['/', '\\']), "{disposition}");
        assert!(!disposition.contains("..\\"), "{disposition}");
        assert!(disposition.len() < 500, "{disposition}");
        assert!(disposition.contains(".rejected.csv"), "{disposition}");
    }
}
