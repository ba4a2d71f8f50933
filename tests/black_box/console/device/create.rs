//! Devices that are created by hand.

use std::thread;

use devices_tests::{Page, Response};

use crate::console::form::FilledForm;
use crate::console::open;

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
    let is_expected = |response: &Response| [303, 503].contains(&response.status);
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
