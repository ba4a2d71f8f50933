//! History, access and escaping of the pages of a device.

use devices_domain::{Field, Format};
use devices_tests::{Browser, Page};
use serde_json::json;

use super::path;
use crate::console::form::FilledForm;
use crate::console::html::{HOSTILE, assert_escaped};
use crate::console::{change, open};

#[test]
fn history_names_key_fields_and_batch() {
    let (api, browser) = open();
    let id = api.create_device(json!({"name": "LT-1"}));
    for index in 0..25 {
        change(
            &api,
            id,
            &json!({"client_warranty_endDate": format!("2027-01-{:02}", index + 1)}),
        );
    }
    let page = browser.page(&path(id));
    let rows = page.rows();
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[0][1], "Updated");
    assert!(rows[0][2].ends_with(", by the API"), "{rows:?}");
    assert_eq!(rows[0][3], "Warranty end date");
    let older = browser.page(&page.link("Older events"));
    let rows = older.rows();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[5][1], "Created");
    assert!(rows[5][4].starts_with("Batch "), "{rows:?}");
    assert_eq!(older.link("Newest events"), format!("{}#history", path(id)));
}

#[test]
fn pages_need_the_scope_and_the_workspace() {
    let (api, _) = open();
    let reader = Browser::signed_in(&api.server, &api.create_key("acme", "READ"));
    api.create_workspace("globex");
    let foreign = Browser::signed_in(&api.server, &api.create_key("globex", "WRITE"));
    let id = api.create_device(json!({}));
    let events = api.events();
    let page = reader.page(&path(id));
    assert_eq!(page.all("form").len(), 1, "only the sign-out");
    let form = [
        ("revision", "1"),
        ("form_id", "x"),
        ("name", "x"),
        ("action", "take_back"),
    ];
    for sub_path in ["/edit", "/assign", "/archive", "/restore"] {
        let path = format!("{}{sub_path}", path(id));
        assert_eq!(reader.get(&path).status, 403, "{path}");
        assert_eq!(reader.post(&path, &form).status, 403, "{path}");
        assert_eq!(foreign.get(&path).status, 404, "{path}");
        let response = foreign.post(&path, &form);
        assert_eq!(response.status, 404, "{path}: {}", response.text);
    }
    assert_eq!(reader.get("/ui/devices/new").status, 403);
    assert_eq!(reader.post("/ui/devices/new", &form).status, 403);
    for unknown in [path(id + 1), format!("/ui/devices/{}0", i64::MAX)] {
        assert_eq!(reader.get(&unknown).status, 404, "{unknown}");
    }
    assert_eq!(foreign.get(&path(id)).status, 404);
    assert_eq!(api.events(), events);
}

#[test]
fn hostile_values_are_escaped() {
    let (api, browser) = open();
    let user = json!({"email": "ada@acme.test", "first_name": HOSTILE});
    let user = api.send("POST", "/users", &user).json()["data"]["id"].clone();
    let mut fields = json!({
        "tags": [HOSTILE], "compliance": [HOSTILE], "attributes": {HOSTILE: HOSTILE},
        "user_id": user, "serial_number": "SN\"><script>",
        "asset_tag": "A<img src=x>",
    });
    let is_text =
        |field: &&Field| matches!(field.format(), Format::Text { .. } | Format::Lines { .. });
    for field in devices_domain::fields().iter().filter(is_text) {
        fields[field.name()] = json!(HOSTILE);
    }
    let id = api.create_device(fields);
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::open(&browser, &edit, &edit);
    change(
        &api,
        id,
        &json!({"brand": format!("{HOSTILE}2"), "model": HOSTILE}),
    );
    let conflict = form
        .with(&[("brand", "x"), ("model", HOSTILE)])
        .send(&browser);
    assert_eq!(conflict.status, 409);
    let invalid = FilledForm::open(&browser, "/ui/devices/new", "/ui/devices/new");
    let invalid = invalid.with(&[("brand", HOSTILE), ("client_purchase_date", HOSTILE)]);
    let mut pages = vec![conflict.text, invalid.send(&browser).text];
    for path in [
        "",
        "/edit",
        "/assign?search=%22%3E%3Cscript%3E",
        "/assign",
        "/archive",
    ] {
        pages.push(browser.get(&format!("/ui/devices/{id}{path}")).text);
    }
    for page in pages {
        assert_escaped(&Page::read(&page));
    }
}
