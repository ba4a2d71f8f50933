//! Excel workbooks.

use devices_tests::{Api, Form};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};
use serde_json::json;

use super::{import, plan};

/// Returns the bytes of a workbook with one sheet.
pub(super) fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().unwrap()
}

/// Writes texts from a row and a column, both from 0.
pub(super) fn write_texts(sheet: &mut Worksheet, row: u32, texts: &[&str]) {
    for (column, text) in (0..).zip(texts) {
        if !text.is_empty() {
            sheet.write_string(row, column, *text).unwrap();
        }
    }
}

#[test]
fn workbook_with_title_dates_and_numbers_is_stored() {
    let api = Api::start();
    let bytes = workbook(|sheet| {
        sheet.set_name("Inventory").unwrap();
        write_texts(sheet, 0, &["Inventory of the office"]);
        let header = [
            "Serial No.",
            "Name",
            "Purchase Date",
            "Purchase Price",
            "Asset Tag",
        ];
        write_texts(sheet, 3, &header);
        write_texts(sheet, 4, &["8ZKQ2G3", "LT-0412"]);
        let date = ExcelDateTime::from_ymd(2024, 5, 31).unwrap();
        let format = Format::new().set_num_format("yyyy-mm-dd");
        sheet
            .write_datetime_with_format(4, 2, &date, &format)
            .unwrap();
        sheet.write_number(4, 3, 1_299.5).unwrap();
        sheet.write_number(4, 4, 4_711).unwrap();
    });
    let defaults = json!({"defaults": {"type": "laptop", "category": "computers"}});
    let form = || Form::of_file("inventory.xlsx", &bytes).with_options(&defaults);
    let planned = plan(&api, form());
    assert_eq!(
        planned["file"],
        json!({
            "kind": "xlsx", "sheet": "Inventory", "sheets": ["Inventory"], "encoding": null,
            "delimiter": null, "header_row": 4, "rows": 1,
        })
    );
    assert_eq!(import(&api, form()).status, 201);
    let device = &api.get_json("/devices")["data"][0];
    assert_eq!(device["client_purchase_date"], "2024-05-31");
    assert_eq!(device["client_purchase_price"], "1299.50");
    assert_eq!(device["asset_tag"], "4711");
}

#[test]
fn number_with_lost_digits_is_rejected_with_its_cell() {
    let api = Api::start();
    let bytes = workbook(|sheet| {
        write_texts(sheet, 0, &["Name", "Type", "Category", "Serial Number"]);
        write_texts(sheet, 1, &["LT-0412", "laptop", "computers"]);
        sheet
            .write_number(1, 3, 1_234_567_890_123_456_789_f64)
            .unwrap();
    });
    let rejected = import(&api, Form::of_file("a.xlsx", bytes));
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    let error = &rejected.json()["errors"][0];
    assert_eq!([&error["row"], &error["column"]], [&json!(2), &json!("D")]);
    assert_eq!(error["reason"], "spreadsheet_number");
    assert!(!rejected.text.contains("12345678"), "{}", rejected.text);
}

#[test]
fn cells_far_apart_do_not_exhaust_memory() {
    let api = Api::start();
    let bytes = workbook(|sheet| {
        sheet.write_string(0, 0, "name").unwrap();
        sheet.write_string(1_048_575, 16_383, "x").unwrap();
    });
    let rejected = import(&api, Form::of_file("a.xlsx", bytes));
    assert_eq!(rejected.status, 400, "{}", rejected.text);
    assert_eq!(rejected.json()["reason"], "too_many_columns");
    assert_eq!(api.get_json("/devices")["meta"]["total"], 0);
}
