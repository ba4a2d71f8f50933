//! A sheet with ten errors: the rows without errors are imported, and the others are corrected.

use devices_tests::{Api, Browser, Directory, Page};
use rstest::rstest;
use serde_json::json;

use super::{count_devices, form_with, plan, read, run, send, tiles, upload_to_page};
use crate::import_examples::sheet::{DEVICES, Kind, correct, devices, rejected_header, users};

fn api_with_users() -> Api {
    let api = Api::start();
    for user in users() {
        let created = api.send("POST", "/users", &json!({ "email": user }));
        assert_eq!(created.status, 201, "{}", created.text);
    }
    api
}

/// Downloads the rejected rows with the form of a page.
#[track_caller]
fn download(browser: &Browser, values: &super::Values, kind: Kind) -> Vec<u8> {
    let mut values = values.clone();
    values.push(("format".to_owned(), kind.extension().to_owned()));
    let response = send(browser, "/ui/import/rejected", &values);
    assert_eq!(response.status, 200, "{}", response.text);
    let disposition = response.header("content-disposition");
    let name = format!("sheet.rejected.{}", kind.extension());
    assert!(
        disposition.starts_with("attachment; ") && disposition.contains(&name),
        "{disposition}"
    );
    response.bytes
}

#[rstest]
#[case(Kind::Workbook)]
#[case(Kind::GermanCsv)]
fn rows_with_errors_are_corrected_and_imported(#[case] kind: Kind) {
    let api = api_with_users();
    let browser = Browser::signed_in(&api.server, &api.key);
    let directory = Directory::new();
    let (faults, extension) = (kind.faults(), kind.extension());
    let path = directory.path(&format!("sheet.{extension}"));
    kind.write(&path, &devices(&faults));

    let columns = upload_to_page(
        &browser,
        &format!("sheet.{extension}"),
        std::fs::read(&path).unwrap(),
    );
    assert!(columns.text().contains("300 rows"), "{}", columns.text());
    assert_eq!(columns.rows().len(), 12);
    assert_eq!(columns.value("field.0"), "serial_number");

    let checked = plan(&browser, &columns, &[]);
    assert_eq!(tiles(&checked), ["290 to create", "10 with errors"]);
    let text = checked.text();
    assert!(text.contains("10 errors"), "{text}");
    for value in [
        "1.23E+11",
        "approx. 900",
        "nobody@example.com",
        "31.02.2025",
    ] {
        assert!(text.contains(value), "{value}: {text}");
    }
    assert_eq!(count_devices(&api), 0);
    let rejected = download(&browser, &checked.form("/ui/import/run"), kind);

    // The other rows.
    let rest = form_with(&checked, "/ui/import/run", &[("atomic", "false")]);
    let stored = read(&send(&browser, "/ui/import/run", &rest), 200);
    assert_eq!(tiles(&stored), ["290 created", "10 rejected"]);
    let again: Page = read(&send(&browser, "/ui/import/run", &rest), 200);
    assert_eq!(tiles(&again), tiles(&stored));
    assert_eq!(count_devices(&api), (DEVICES - faults.len()) as i64);

    // The rejected rows are those that the plan had.
    let later = download(&browser, &stored.form("/ui/import/rejected"), kind);
    let read_rows = |name: &str, bytes: &[u8]| {
        let path = directory.path(&format!("{name}.{extension}"));
        std::fs::write(&path, bytes).unwrap();
        kind.read(&path)
    };
    let mut rows = read_rows("rejected", &rejected);
    assert_eq!(rows[0], rejected_header());
    assert!(rows == read_rows("later", &later));
    correct(&mut rows, &faults);
    let corrected = directory.path(&format!("corrected.{extension}"));
    kind.write(&corrected, &rows);

    let columns = upload_to_page(&browser, "corrected", std::fs::read(&corrected).unwrap());
    let checked = plan(&browser, &columns, &[]);
    assert_eq!(tiles(&checked), ["10 to create"]);
    let result = run(&browser, &checked);
    assert_eq!(tiles(&result), ["10 created"]);
    assert_eq!(count_devices(&api), DEVICES as i64);
    // Reload and double click.
    let result_again = run(&browser, &checked);
    assert_eq!(result_again.text(), result.text());
    assert_eq!(count_devices(&api), DEVICES as i64);
    let batch = result.link("Show the batch");
    assert_eq!(result.link("Undo this import"), format!("{batch}/undo"));
}
