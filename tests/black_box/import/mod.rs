//! `POST /devices/import` and `POST /devices/import/validate`.

mod access;
mod files;
mod forms;
mod idempotency;
mod limits;
mod options;
mod rejected_rows;
mod storing;
mod users;
mod validate;
mod workbooks;

use devices_tests::{Api, Form, Response};
use serde_json::{Value, json};

/// Header of a file that needs no options.
const HEADER: &str = "Serial Number,Name,Type,Category";

/// Sends a form to the import.
fn import(api: &Api, form: Form) -> Response {
    api.send_form("/devices/import", form)
}

/// Returns the plan of a form. Panics unless the status is 200.
#[track_caller]
fn plan(api: &Api, form: Form) -> Value {
    let response = api.send_form("/devices/import/validate", form);
    assert_eq!(response.status, 200, "{}", response.text);
    response.json()["data"].clone()
}

/// Returns a form with this number of valid rows.
fn valid_rows(count: usize) -> Form {
    let rows: Vec<_> = (1..=count)
        .map(|number| format!("SN-{number:05},Laptop {number:05},laptop,computers"))
        .collect();
    let rows: Vec<_> = rows.iter().map(String::as_str).collect();
    Form::of_csv(HEADER, &rows)
}

/// Returns index, row, column, field and reason of each error of a response or a plan.
fn error_locations(body: &Value) -> Vec<Value> {
    let errors = body["errors"].as_array();
    let errors = errors.unwrap_or_else(|| panic!("no errors in {body}"));
    let location = |error: &Value| {
        json!([
            error["index"],
            error["row"],
            error["column"],
            error["field"],
            error["reason"]
        ])
    };
    errors.iter().map(location).collect()
}
