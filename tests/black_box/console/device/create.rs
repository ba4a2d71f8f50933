//! Devices that are created by hand.

use std::thread;

use devices_tests::{Api, Browser, Page, Response, ServerOptions, device, send};
use serde_json::json;

use crate::console::form::FilledForm;
use crate::console::open;

/// Returns the form of a new laptop.
fn laptop(browser: &Browser) -> FilledForm {
    let page = browser.page("/ui/devices/new");
    FilledForm::of(&page, "/ui/devices/new").with(&[
        ("name", "LT-1"),
        ("type", "laptop"),
        ("category", "computers"),
    ])
}

#[test]
fn form_in_progress_is_not_sent_again() {
    let (api, browser) = open();
    let form = laptop(&browser);
    let blocker = api.lock("devices");
    thread::scope(|scope| {
        let first = scope.spawn(|| form.send(&browser));
        api.database.wait_for_blocked_statement();
        let second = form.send(&browser);
        assert_eq!(second.status, 409);
        let text = Page::read(&second.text).text();
        assert!(text.contains("This form is being processed"), "{text}");
        drop(blocker);
        assert_eq!(first.join().unwrap().status, 303);
    });
    assert_eq!(form.send(&browser).status, 303);
    assert_eq!(api.get_json("/devices")["meta"]["total"], 1);
}

#[test]
fn full_response_quota_is_explained() {
    let options = ServerOptions::with("DEVICES__IDEMPOTENCY__BYTES_PER_WORKSPACE", 1_024);
    let api = Api::start_with(&options);
    let browser = Browser::signed_in(&api.server, &api.key);
    let request = api.request("POST", "/devices").bearer_auth(&api.key);
    let request = request.header("Idempotency-Key", "full");
    let devices = vec![device(json!({})); 2];
    let stored = send(request.json(&json!({ "devices": devices })));
    assert!(stored.status == 201 && stored.text.len() > 1_024);
    let response = laptop(&browser).send(&browser);
    assert_eq!(response.status, 503);
    let text = Page::read(&response.text).text();
    assert!(
        text.contains("Too many results of forms are stored"),
        "{text}"
    );
}

#[test]
fn form_sent_twice_creates_one_device() {
    let (api, browser) = open();
    api.add_user("acme", "ada@acme.test");
    let page = browser.page("/ui/devices/new");
    let form = FilledForm::of(&page, "/ui/devices/new");
    let rejected = form.send(&browser);
    assert_eq!(rejected.status, 422);
    let page = Page::read(&rejected.text);
    for name in ["name", "type", "category"] {
        assert!(
            page.links().contains_key(&format!("#field-{name}")),
            "{name}"
        );
    }
    let form = FilledForm::of(&page, "/ui/devices/new").with(&[
        ("name", "LT-1"),
        ("type", "laptop"),
        ("category", "computers"),
        ("user_email", "ADA@acme.test"),
        ("attributes", "Room: 1\nDesk: 2"),
    ]);
    let responses = thread::scope(|scope| {
        let sent: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| form.send(&browser)))
            .collect();
        let joined = sent.into_iter().map(|sent| sent.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    let is_expected = |response: &Response| [303, 409].contains(&response.status);
    assert!(responses.iter().all(is_expected), "{responses:?}");
    let created = form.send(&browser);
    assert_eq!(created.status, 303);
    assert_eq!(api.get_json("/devices")["meta"]["total"], 1);
    let page = browser.page(created.header("location"));
    assert!(page.text().contains("ada@acme.test"), "{}", page.text());

    let other = form.with(&[("name", "LT-2")]).send(&browser);
    assert_eq!(other.status, 409);
    let page = Page::read(&other.text);
    let device = created.header("location").split('?').next().unwrap();
    assert!(page.links().contains_key(device), "{:?}", page.links());
    let form = FilledForm::of(&page, "/ui/devices/new");
    assert_eq!(form.send(&browser).status, 303);
    assert_eq!(api.get_json("/devices")["meta"]["total"], 2);
}
