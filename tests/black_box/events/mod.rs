//! `GET /events`: the event feed.

mod dump;
mod order;
mod pages;
mod parameters;
mod wait;

use devices_tests::{Api, Response};
use serde_json::Value;

/// Returns the path of the page after a cursor.
fn after(cursor: &str) -> String {
    format!("/events?after={cursor}")
}

/// Returns the cursor of a page.
#[track_caller]
fn cursor(page: &Response) -> String {
    let cursor = page.json()["meta"]["cursor"].as_str().map(str::to_owned);
    cursor.unwrap_or_else(|| panic!("{}", page.text))
}

/// Returns the events of a page.
#[track_caller]
fn events(page: &Response) -> Vec<Value> {
    assert_eq!(page.status, 200, "{}", page.text);
    page.json()["data"].as_array().unwrap().clone()
}

/// Returns the types of events.
fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().map(|event| event["type"].as_str().unwrap());
    types.collect()
}

/// Reads the feed to its end. Returns the cursor.
fn end_of_feed(api: &Api) -> String {
    let mut page = api.page("/events");
    while page.json()["meta"]["has_more"] == true {
        page = api.page(&after(&cursor(&page)));
    }
    cursor(&page)
}
