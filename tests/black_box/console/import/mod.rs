//! The import of a spreadsheet.

mod correction;
mod files;
mod safety;

use devices_tests::{Api, Browser, Form, Page, Response};

/// Names and values of a form.
type Values = Vec<(String, String)>;

/// Sends a file to the first step. Returns the response.
fn upload(browser: &Browser, name: &str, content: impl AsRef<[u8]>) -> Response {
    browser.send_form("/ui/import/columns", Form::of_file(name, content))
}

/// Sends a file to the first step. Returns the page with its columns.
#[track_caller]
fn upload_to_page(browser: &Browser, name: &str, content: impl AsRef<[u8]>) -> Page {
    read(&upload(browser, name, content), 200)
}

#[track_caller]
fn read(response: &Response, status: u16) -> Page {
    assert_eq!(response.status, status, "{}", response.text);
    Page::read(&response.text)
}

/// Returns the values of the form of a step, with changes.
#[track_caller]
fn form_with(page: &Page, action: &str, changes: &[(&str, &str)]) -> Values {
    let mut values = page.form(action);
    for (name, value) in changes {
        values.retain(|(given, _)| given != name);
        values.push(((*name).to_owned(), (*value).to_owned()));
    }
    values
}

fn send(browser: &Browser, path: &str, values: &Values) -> Response {
    browser.send_form(path, multipart(values))
}

fn multipart(values: &Values) -> Form {
    values.iter().fold(Form::default(), |form, (name, value)| {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        form.with_part(&head, value)
    })
}

/// Sends the form of the columns with changes. Returns the plan.
#[track_caller]
fn plan(browser: &Browser, columns: &Page, changes: &[(&str, &str)]) -> Page {
    let values = form_with(columns, "/ui/import/plan", changes);
    read(&send(browser, "/ui/import/plan", &values), 200)
}

/// Sends the form of a plan. Returns the page of the result.
#[track_caller]
fn run(browser: &Browser, plan: &Page) -> Page {
    let values = plan.form("/ui/import/run");
    let response = send(browser, "/ui/import/run", &values);
    assert_eq!(response.status, 303, "{}", response.text);
    browser.page(response.header("location"))
}

fn count_devices(api: &Api) -> i64 {
    let total = api.get_json("/devices?limit=1")["meta"]["total"].as_i64();
    total.unwrap()
}

/// Returns the numbers on a page, by what they count.
fn tiles(page: &Page) -> Vec<String> {
    let tiles = page.by_class("tile").into_iter();
    tiles.map(devices_tests::Element::text).collect()
}
