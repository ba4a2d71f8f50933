//! Files as people have them, and what the steps say about them.

use devices_tests::{Api, Browser, Form, Page, device};
use rstest::rstest;
use serde_json::json;

use super::{count_devices, form_with, plan, read, run, send, tiles, upload, upload_to_page};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn example(name: &str) -> Vec<u8> {
    std::fs::read(format!("{ROOT}/examples/import/{name}")).unwrap()
}

fn start() -> (Api, Browser) {
    let api = Api::start();
    let browser = Browser::signed_in(&api.server, &api.key);
    (api, browser)
}

/// Asserts that the page has an error summary with this text.
#[track_caller]
fn assert_error(page: &Page, expected: &str) {
    let summaries = page.by_class("error-summary");
    let texts: Vec<_> = summaries.iter().map(|summary| summary.text()).collect();
    assert!(texts.concat().contains(expected), "{expected}: {texts:?}");
}

#[test]
fn sample_is_imported_with_a_category_only() {
    let (api, browser) = start();
    let start = browser.page("/ui/import");
    let sample = browser.get(&start.link("Download the sample workbook"));
    assert!(sample.bytes == example("inventory.xlsx"));

    let columns = upload_to_page(&browser, "inventory.xlsx", &sample.bytes);
    assert!(
        columns
            .text()
            .contains("inventory.xlsx, sheet Inventory: 30 rows")
    );
    assert_eq!(columns.value("name_from"), "{Manufacturer} {Model}");
    let rows = columns.rows();
    assert!(rows[0][0].starts_with("A Service Tag"), "{rows:?}");
    assert_eq!(rows[0][3], "usual header");

    // What is missing is an error at its control.
    let values = columns.form("/ui/import/plan");
    let incomplete = read(&send(&browser, "/ui/import/plan", &values), 422);
    assert_error(&incomplete, "Category is required");

    let choices = [
        ("default.category", "accessories"),
        ("unknown_users", "create"),
        ("field.9", "attributes.Room"),
    ];
    let checked = plan(&browser, &incomplete, &choices);
    assert_eq!(tiles(&checked)[0], "30 to create");
    let result = run(&browser, &checked);
    assert_eq!(tiles(&result), ["30 created"]);
    assert_eq!(count_devices(&api), 30);

    // The mapping of the plan fits the same file again.
    let mapping = send(
        &browser,
        "/ui/import/mapping",
        &checked.form("/ui/import/run"),
    );
    let disposition = mapping.header("content-disposition");
    assert!(
        disposition.contains("inventory.mapping.json"),
        "{disposition}"
    );
    let saved: serde_json::Value = serde_json::from_str(&mapping.text).unwrap();
    let expected = json!({
        "columns": {"Room": "attributes.Room"}, "defaults": {"category": "accessories"},
        "name_from": "{Manufacturer} {Model}", "unknown_users": "create",
    });
    assert_eq!(saved, expected);
    let head = "Content-Disposition: form-data; name=\"mapping\"; filename=\"m.json\"";
    let form = Form::of_file("inventory.xlsx", &sample.bytes).with_part(head, &mapping.text);
    let columns = read(&browser.send_form("/ui/import/columns", form), 200);
    assert_eq!(columns.value("field.9"), "attributes.Room");
    let skipped = plan(&browser, &columns, &[("on_conflict", "skip")]);
    assert_eq!(tiles(&skipped), ["0 to create", "30 skipped"]);
    assert!(
        skipped.text().contains("nothing to import"),
        "{}",
        skipped.text()
    );
}

#[test]
fn rows_that_were_stored_since_the_plan_are_skipped() {
    let (api, browser) = start();
    let columns = upload_to_page(
        &browser,
        "a.csv",
        "name,type,category,serial_number\nA,b,c,SN-1\n",
    );
    let plan = plan(&browser, &columns, &[("on_conflict", "skip")]);
    assert_eq!(tiles(&plan), ["1 to create"]);
    api.create_device(device(json!({"name": "A", "serial_number": "SN-1"})));
    let values = plan.form("/ui/import/run");
    let result = read(&send(&browser, "/ui/import/run", &values), 200);
    assert_eq!(result.heading(), "Nothing was stored");
    assert_eq!(count_devices(&api), 1);
}

#[rstest]
#[case::german(
    "german-laptops.csv",
    &[("default.type", "laptop"), ("default.category", "computers")],
    &[("Gerätename", "name"), ("Modell", "model"), ("Kaufpreis", "client_purchase_price"),
      ("Garantieende", "client_warranty_endDate"), ("Bemerkung", "comment")],
    28
)]
#[case::intune(
    "intune-devices.csv",
    &[("default.type", "laptop"), ("default.category", "computers")],
    &[("Category", "")],
    24
)]
#[case::snipe_it(
    "snipe-it-assets.csv",
    &[("default.type", "asset"), ("name_from", "{Manufacturer} {Model}")],
    &[("Asset Notes", "comment")],
    22
)]
fn exports_are_imported(
    #[case] file: &str,
    #[case] choices: &[(&str, &str)],
    #[case] columns: &[(&str, &str)],
    #[case] devices: i64,
) {
    let (api, browser) = start();
    let page = upload_to_page(&browser, file, example(file));
    let headers: Vec<_> = page.rows().into_iter().map(|row| row[0].clone()).collect();
    let mut changes = choices.to_vec();
    let names: Vec<_> = columns
        .iter()
        .map(|(header, _)| {
            let index = headers
                .iter()
                .position(|given| given.ends_with(&format!(" {header}")));
            format!(
                "field.{}",
                index.unwrap_or_else(|| panic!("{header}: {headers:?}"))
            )
        })
        .collect();
    for (name, (_, field)) in names.iter().zip(columns) {
        changes.push((name, field));
    }
    changes.push(("unknown_users", "create"));
    // The controls for values of all rows appear when a column is ignored.
    let values = form_with(&page, "/ui/import/plan", &changes);
    let checked = read(&send(&browser, "/ui/import/plan", &values), 200);
    assert_eq!(
        tiles(&checked)[0],
        format!("{devices} to create"),
        "{}",
        checked.text()
    );
    run(&browser, &checked);
    assert_eq!(count_devices(&api), devices);
}

#[rstest]
#[case::nothing("", b"", "Choose a spreadsheet")]
#[case::header_only("a.csv", b"name,type\n", "no row below it")]
#[case::old_excel("a.xls", b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 old", ".xlsx")]
#[case::pdf("a.pdf", b"%PDF-1.7\n\x00\x01\x02\xFF", ".xlsx")]
#[case::damaged("a.xlsx", b"PK\x03\x04 damaged", "damaged")]
fn unreadable_file_is_rejected_at_the_first_step(
    #[case] name: &str,
    #[case] content: &[u8],
    #[case] expected: &str,
) {
    let (api, browser) = start();
    let page = read(&upload(&browser, name, content), 422);
    assert_eq!(page.heading(), "Import a spreadsheet");
    assert_error(&page, expected);
    page.form("/ui/import/columns");
    assert_eq!(count_devices(&api), 0);
}

#[test]
fn too_many_rows_are_rejected_at_the_first_step() {
    let (_api, browser) = start();
    let rows = "A,laptop,computers\n".repeat(20_001);
    let page = read(
        &upload(&browser, "a.csv", format!("name,type,category\n{rows}")),
        422,
    );
    assert_error(&page, "more than 20000 rows");
}

#[test]
fn saved_mapping_with_an_unknown_option_is_rejected() {
    let (_api, browser) = start();
    let head = "Content-Disposition: form-data; name=\"mapping\"; filename=\"m.json\"";
    let form = Form::of_file("a.csv", "name\nA\n").with_part(head, r#"{"colums":{}}"#);
    let page = read(&browser.send_form("/ui/import/columns", form), 422);
    assert_error(&page, "did you mean “columns”?");
}

#[test]
fn mapping_with_many_translations_is_used() {
    let (api, browser) = start();
    let words: Vec<_> = (0..1_500)
        .map(|number| format!("\"word {number}\":\"DUTCH_QWERTY\""))
        .collect();
    let mapping = format!(
        "{{\"values\":{{\"keyboard_layout\":{{{}}}}}}}",
        words.join(",")
    );
    let head = "Content-Disposition: form-data; name=\"mapping\"; filename=\"m.json\"";
    let sheet = "name,type,category,keyboard_layout\nA,laptop,computers,word 1499\n";
    let form = Form::of_file("a.csv", sheet).with_part(head, &mapping);
    let columns = read(&browser.send_form("/ui/import/columns", form), 200);
    let checked = plan(&browser, &columns, &[]);
    assert_eq!(tiles(&checked), ["1 to create"], "{}", checked.text());
    run(&browser, &checked);
    let device = api.get_json("/devices?limit=1")["data"][0].clone();
    assert!(device.to_string().contains("DUTCH_QWERTY"), "{device}");
}

#[test]
fn form_with_too_many_parts_is_not_called_a_large_file() {
    let (_api, browser) = start();
    let values = vec![("value.0".to_owned(), String::new()); 1_001];
    let response = send(&browser, "/ui/import/plan", &values);
    assert_eq!(read(&response, 400).heading(), "The form could not be read");
}

#[test]
fn what_only_the_user_can_decide_is_asked() {
    let (api, browser) = start();
    let sheet = "name,type,category,Purchase Date,Serial Number,Service Tag\n\
                 A,laptop,computers,03/04/2024,SN-1,SN-1\n";
    let columns = upload_to_page(&browser, "a.csv", sheet);
    assert_error(&columns, "choose the order of day and month");
    assert_error(&columns, "Serial number");
    let values = columns.form("/ui/import/plan");
    let incomplete = read(&send(&browser, "/ui/import/plan", &values), 422);
    assert_error(&incomplete, "both provide Serial number");
    let choices = [("date_format", "DD/MM/YYYY"), ("field.5", "")];
    let checked = plan(&browser, &incomplete, &choices);
    run(&browser, &checked);
    let device = api.get_json("/devices?serial_number=SN-1")["data"][0].clone();
    assert_eq!(device["client_purchase_date"], "2024-04-03");
}

#[test]
fn unknown_words_are_translated_on_the_plan() {
    let (api, browser) = start();
    let sheet = "name,type,category,keyboard_layout\nA,laptop,computers,deutsch\n\
                 B,laptop,computers,Deutsch\n";
    let columns = upload_to_page(&browser, "a.csv", sheet);
    let checked = plan(&browser, &columns, &[]);
    assert_eq!(tiles(&checked), ["0 to create", "2 with errors"]);
    let choice = checked.all("select")[0];
    let options: Vec<_> = choice
        .all("option")
        .iter()
        .map(|option| option.value())
        .collect();
    let values = form_with(&checked, "/ui/import/run", &[("value.0", &options[1])]);
    let checked = read(&send(&browser, "/ui/import/plan", &values), 200);
    assert_eq!(tiles(&checked), ["2 to create"]);
    run(&browser, &checked);
    let device = api.get_json("/devices?limit=1")["data"][0].clone();
    assert!(device.to_string().contains(&options[1]), "{device}");
}

#[test]
fn other_table_of_a_file_is_read() {
    let (_api, browser) = start();
    let sheet = "Name of;Type of\nname;type\nA;laptop\n";
    let columns = upload_to_page(&browser, "a.csv", sheet);
    let changes = [("header_row", "1"), ("delimiter", ";")];
    let values = form_with(&columns, "/ui/import/plan", &changes);
    let again = read(&send(&browser, "/ui/import/columns", &values), 200);
    assert_eq!(again.rows()[0][0], "A Name of");
    let values = form_with(&again, "/ui/import/plan", &[("header_row", "99")]);
    let again = read(&send(&browser, "/ui/import/columns", &values), 200);
    assert_error(&again, "enter the number of the row with the headers");
}
