//! Batches and their undo.

use devices_tests::{Browser, device, ids};
use serde_json::json;

use super::html::{HOSTILE, assert_escaped};
use super::{change, open};

#[test]
fn undo_shows_its_effect_first() {
    let (api, browser) = open();
    let empty = browser.page("/ui/batches");
    assert!(empty.text().contains("No batches yet"), "{}", empty.text());
    let device = |name| json!({"name": name, "type": "laptop", "category": "computers"});
    let response = api.post(&json!([device(HOSTILE), device("B"), device("C")]));
    let ids = ids(&response.json()["data"]["devices"]);
    change(&api, ids[1], &json!({"brand": "Dell"}));
    let list = browser.page("/ui/batches");
    assert_eq!(list.rows().len(), 1, "{:?}", list.rows());
    let path = list
        .links()
        .into_keys()
        .find(|path| path.starts_with("/ui/batches/"));
    let path = path.expect("the batch is linked");
    let detail = browser.page(&path);
    assert_escaped(&detail);
    assert_eq!(detail.rows().len(), 3, "{:?}", detail.rows());
    assert_eq!(detail.link(HOSTILE), format!("/ui/devices/{}", ids[0]));

    let undo = format!("{path}/undo");
    let preview = browser.page(&undo);
    let text = preview.text();
    assert!(text.contains("2 devices will be archived."), "{text}");
    assert!(
        text.contains("1 device has been changed since and is kept"),
        "{text}"
    );
    assert_eq!(browser.page(&path).rows().len(), 3);
    let all = browser.page(&format!("{undo}?include_changed=true"));
    assert!(
        all.text().contains("3 devices will be archived."),
        "{}",
        all.text()
    );

    // The second one is a double click.
    for _ in 0..2 {
        let undone = browser.post_and_follow(&undo, &[]);
        assert!(
            undone.text().contains("The batch was undone."),
            "{}",
            undone.text()
        );
        assert_eq!(undone.rows().len(), 1, "{:?}", undone.rows());
    }
    let again = browser.page(&undo);
    assert!(
        again.text().contains("There is nothing to undo"),
        "{}",
        again.text()
    );
}

#[test]
fn undo_counts_the_devices_that_it_does_not_list() {
    let (api, browser) = open();
    let ids = api.create_devices((0..22).map(|_| device(json!({"name": "D"}))));
    for id in ids {
        api.call("DELETE", &format!("/devices/{id}"));
    }
    let mut links = browser.page("/ui/batches").links().into_keys();
    let batch = links.find(|path| path.starts_with("/ui/batches/"));
    let page = browser.page(&format!("{}/undo", batch.unwrap()));
    assert_eq!(page.by_class("tag").len(), 20);
    assert!(page.text().contains("And 2 more."), "{}", page.text());
}

#[test]
fn batches_of_others_are_not_found() {
    let (api, browser) = open();
    let id = api.create_device(json!({"name": "A"}));
    let path = browser.page("/ui/batches").links().into_keys();
    let path = path
        .into_iter()
        .find(|path| path.starts_with("/ui/batches/"));
    let path = path.expect("the batch is linked");
    api.create_workspace("globex");
    let foreign = Browser::signed_in(&api.server, &api.create_key("globex", "ADMIN"));
    for path in [
        path.clone(),
        format!("{path}/undo"),
        "/ui/batches/x".to_owned(),
    ] {
        assert_eq!(foreign.get(&path).status, 404, "{path}");
    }
    assert_eq!(foreign.post(&format!("{path}/undo"), &[]).status, 404);
    let reader = Browser::signed_in(&api.server, &api.create_key("acme", "READ"));
    assert_eq!(reader.post(&format!("{path}/undo"), &[]).status, 403);
    let device = browser.page(&format!("/ui/devices/{id}"));
    assert!(device.heading().starts_with("A "), "{}", device.heading());
}
