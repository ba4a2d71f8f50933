//! Archiving and restoring of a device.

use devices_tests::Page;
use serde_json::json;

use super::{path, stored};
use crate::console::form::FilledForm;
use crate::console::{change, open};

#[test]
fn device_is_archived_and_restored() {
    let (api, browser) = open();
    let id = api.create_device(json!({"name": "LT-1"}));
    let archive = format!("{}/archive", path(id));
    let form = FilledForm::open(&browser, &archive, &archive);
    change(&api, id, &json!({"color": "red"}));
    let changed = form.send(&browser);
    assert_eq!(changed.status, 409);
    let form = FilledForm::of(&Page::read(&changed.text), &archive);
    for _ in 0..2 {
        let archived = form.send(&browser);
        assert_eq!(
            archived.header("location"),
            format!("{}?notice=archived", path(id))
        );
    }
    let page = browser.page(&path(id));
    assert!(
        page.text().contains("This device is archived"),
        "{}",
        page.text()
    );
    for sub_path in ["/edit", "/assign", "/archive"] {
        let response = browser.get(&format!("{}{sub_path}", path(id)));
        assert_eq!(response.header("location"), path(id), "{sub_path}");
    }
    for _ in 0..2 {
        let page = browser.post_and_follow(&format!("{}/restore", path(id)), &[]);
        assert!(page.text().contains("was restored"), "{}", page.text());
    }
    assert_eq!(stored(&api, id)["client_status"], "AVAILABLE");
}
