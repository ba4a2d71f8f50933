//! The pages of a device, and the forms that change it.

use std::thread;

use devices_tests::{Api, Browser, Page, Response};
use serde_json::{Value, json};

use super::{change, open};

/// Texts that would run as scripts if a page did not escape them.
const HOSTILE: [&str; 2] = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
];

/// A form of a page, as a browser sends it.
struct FilledForm {
    action: String,
    values: Vec<(String, String)>,
}

impl FilledForm {
    #[track_caller]
    fn of(page: &Page, action: &str) -> Self {
        Self {
            action: action.to_owned(),
            values: page.form(action),
        }
    }

    /// Sets the values of controls.
    #[must_use]
    fn with(mut self, values: &[(&str, &str)]) -> Self {
        for (name, value) in values {
            self.values.retain(|(given, _)| given != name);
            self.values.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    fn send(&self, browser: &Browser) -> Response {
        let values = self.values.iter();
        // Browsers send line breaks as CR LF.
        let values: Vec<_> = values
            .map(|(name, value)| (name.as_str(), value.replace('\n', "\r\n")))
            .collect();
        let values: Vec<_> = values.iter().map(|(n, v)| (*n, v.as_str())).collect();
        browser.post(&self.action, &values)
    }
}

pub(super) fn all_fields() -> Value {
    let mut fields = json!({
        "name": "LT-1", "type": "laptop", "category": "computers", "brand": "Dell",
        "serial_number": "SN-1", "comment": "first\n\n\tsecond: \"x\"", "asset_tag": "A-1",
        "model": "XPS 13", "tags": ["loan", "a: b"], "attributes": {"MAC:eth0": "aa:bb", "Room": "12"},
        "is_rented": true, "client_purchase_price": "1299.00", "client_rental_price": "10.50",
        "client_purchase_date": "2024-01-02", "client_warranty_endDate": "2027-01-02",
        "client_rental_startDate": "2024-02-01", "client_rental_endDate": "2026-02-01",
        "client_contract_number": "C-1", "client_invoice_number": "I-1", "lifecycle": "IN_MAINTENANCE",
    });
    let characteristics = json!({
        "screen_size": "13", "graphic": "g", "processor": "p", "ram": "16 GB", "storage": "1 TB",
        "model_year": "2024", "connectivity": "Wi-Fi", "keyboard_layout": "FRENCH_AZERTY",
        "resolution": "4k", "has_microphone": true, "has_webcam": false, "noise_cancellation": true,
        "compliance": ["CE"], "connection_type": ["HDMI", "USB"], "has_stool": false,
        "has_video_package": false, "has_screen": true, "has_premium_tablet": false, "color": "red",
        "seats_number": "1", "assembly": "a", "os_platform": "Linux",
    });
    for (name, value) in characteristics.as_object().unwrap() {
        fields[name] = value.clone();
    }
    fields
}

fn stored(api: &Api, id: i64) -> Value {
    api.get_json(&format!("/devices/{id}"))["data"].clone()
}

fn path(id: i64) -> String {
    format!("/ui/devices/{id}")
}

#[test]
fn untouched_form_changes_nothing() {
    let (api, browser) = open();
    let id = api.create_device(all_fields());
    let (before, events) = (stored(&api, id), api.events());
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::of(&browser.page(&edit), &edit);
    let response = form.send(&browser);
    let expected = format!("{}?notice=unchanged", path(id));
    assert_eq!(
        (response.status, response.header("location")),
        (303, expected.as_str())
    );
    assert_eq!(stored(&api, id), before);
    assert_eq!(api.events(), events);
}

#[test]
fn edit_sends_changed_fields_only() {
    let (api, browser) = open();
    let id = api.create_device(all_fields());
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::of(&browser.page(&edit), &edit).with(&[
        ("name", "LT-2"),
        ("attributes", "MAC\\:eth0: aa:bb\nDesk: 4"),
        ("tags", ""),
        ("is_rented", "false"),
        ("has_webcam", ""),
        ("client_purchase_price", "1.000,5"),
    ]);
    let rejected = form.send(&browser);
    assert_eq!(rejected.status, 422);
    let page = Page::read(&rejected.text);
    assert_eq!(page.value("name"), "LT-2");
    assert_eq!(page.value("client_purchase_price"), "1.000,5");
    assert!(page.links().contains_key("#field-client_purchase_price"));

    let form = FilledForm::of(&page, &edit).with(&[("client_purchase_price", "1000,5")]);
    let saved = form.send(&browser);
    assert_eq!(saved.status, 303, "{}", saved.text);
    let page = browser.page(saved.header("location"));
    assert_eq!(page.title().split(' ').next(), Some("LT-2"));
    let device = stored(&api, id);
    assert_eq!(
        device["attributes"],
        json!({"MAC:eth0": "aa:bb", "Desk": "4"})
    );
    assert_eq!(device["tags"], json!([]));
    assert_eq!(device["is_rented"], false);
    assert_eq!(device["characteristics"]["has_webcam"], Value::Null);
    assert_eq!(device["client_purchase_price"], "1000.50");
    let events = api.events();
    let fields = events.last().unwrap()["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 6, "{fields:?}");
    let author = browser.page(&path(id)).rows()[0][2].clone();
    assert!(author.ends_with(", in the console"), "{author}");
}

#[test]
fn edit_of_other_fields_is_merged() {
    let (api, browser) = open();
    let id = api.create_device(json!({"brand": "Dell", "model": "XPS"}));
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::of(&browser.page(&edit), &edit).with(&[("brand", "HP")]);
    change(&api, id, &json!({"model": "ZBook"}));
    let saved = form.send(&browser);
    assert_eq!(
        saved.header("location"),
        format!("{}?notice=merged", path(id))
    );
    let device = stored(&api, id);
    assert_eq!(
        (&device["brand"], &device["model"]),
        (&json!("HP"), &json!("ZBook"))
    );
    // The same form again: both values are stored already.
    let again = form.send(&browser);
    assert_eq!(
        again.header("location"),
        format!("{}?notice=saved", path(id))
    );
    assert_eq!(stored(&api, id), device);
}

#[test]
fn conflicting_edits_are_compared() {
    let (api, first) = open();
    let second = Browser::signed_in(&api.server, &api.key);
    let id = api.create_device(json!({"brand": "Dell", "model": "XPS", "color": "red"}));
    let edit = format!("{}/edit", path(id));
    let mine = FilledForm::of(&first.page(&edit), &edit);
    let theirs = FilledForm::of(&second.page(&edit), &edit);
    let theirs = theirs.with(&[("brand", "Acer"), ("model", "Swift"), ("ram", "8 GB")]);
    assert_eq!(theirs.send(&second).status, 303);
    let mine = mine.with(&[("brand", "HP"), ("model", "ZBook"), ("color", "blue")]);
    let conflict = mine.send(&first);
    assert_eq!(conflict.status, 409);
    let page = Page::read(&conflict.text);
    let text = page.text();
    for expected in [
        "Brand",
        "(Key ",
        "Your value HP",
        "stored now Acer",
        "started from: Dell",
        "red → blue",
        "8 GB",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let page = Page::read(&mine.send(&first).text);
    let undecided = FilledForm::of(&page, &edit).with(&[("choice.brand", "mine")]);
    let again = undecided.send(&first);
    assert_eq!(again.status, 409);
    let page = Page::read(&again.text);
    assert!(
        page.text().contains("Model needs your choice"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("started from: XPS"), "{}", page.text());

    let device = stored(&api, id);
    assert_eq!(
        (&device["brand"], &device["model"]),
        (&json!("Acer"), &json!("Swift"))
    );
    let page = Page::read(&mine.send(&first).text);
    let chosen = [("choice.brand", "mine"), ("choice.model", "theirs")];
    let saved = FilledForm::of(&page, &edit).with(&chosen).send(&first);
    assert_eq!(
        saved.header("location"),
        format!("{}?notice=saved", path(id))
    );
    let device = stored(&api, id);
    assert_eq!(
        (&device["brand"], &device["model"]),
        (&json!("HP"), &json!("Swift"))
    );
    let characteristics = &device["characteristics"];
    assert_eq!(characteristics["color"], "blue");
    assert_eq!(characteristics["ram"], "8 GB");
}

#[test]
fn taken_serial_number_links_to_its_device() {
    let (api, browser) = open();
    let other = api.create_device(json!({"serial_number": "SN-9"}));
    let id = api.create_device(json!({}));
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::of(&browser.page(&edit), &edit);
    let rejected = form.with(&[("serial_number", "sn-9")]).send(&browser);
    assert_eq!(rejected.status, 422);
    let links = Page::read(&rejected.text).links();
    assert!(links.contains_key(&path(other)), "{links:?}");

    assert_eq!(api.call("DELETE", &format!("/devices/{other}")).status, 200);
    change(&api, id, &json!({"serial_number": "SN-9"}));
    let restore = format!("{}/restore", path(other));
    browser.page(&restore);
    let rejected = browser.post(&restore, &[]);
    assert_eq!(rejected.status, 409);
    let links = Page::read(&rejected.text).links();
    assert!(links.contains_key(&path(id)), "{links:?}");
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

#[test]
fn device_is_handed_over_and_taken_back() {
    let (api, browser) = open();
    let ada = api.add_user("acme", "ada@acme.test").to_string();
    let bob = api.add_user("acme", "bob@acme.test").to_string();
    let id = api.create_device(json!({}));
    let assign = format!("{}/assign", path(id));
    let found = browser.page(&format!("{assign}?search=ada"));
    assert!(!found.text().contains("bob@acme.test"), "{}", found.text());
    let revision = found.value("revision");
    let form = [("revision", revision.as_str()), ("user_id", &ada)];
    // Somebody else changes another field meanwhile: that is no conflict.
    change(&api, id, &json!({"color": "red"}));
    for _ in 0..2 {
        let page = browser.post_and_follow(&assign, &form);
        assert!(page.text().contains("was handed over"), "{}", page.text());
    }
    assert_eq!(stored(&api, id)["user"]["email"], "ada@acme.test");

    let conflict = browser.post(&assign, &[("revision", &revision), ("user_id", &bob)]);
    assert_eq!(conflict.status, 409);
    assert!(conflict.text.contains("Somebody else handed over"));
    let page = Page::read(&conflict.text);
    let form = FilledForm::of(&page, &assign);
    let back = form.send(&browser);
    assert_eq!(
        back.header("location"),
        format!("{}?notice=unassigned", path(id))
    );
    assert_eq!(stored(&api, id)["user"], Value::Null);

    let revision = browser.page(&assign).value("revision");
    assert_eq!(api.call("DELETE", &format!("/users/{bob}")).status, 200);
    let unknown = browser.post(&assign, &[("revision", &revision), ("user_id", &bob)]);
    assert_eq!(unknown.status, 409);
    assert!(
        unknown.text.contains("deleted meanwhile"),
        "{}",
        unknown.text
    );
    assert_eq!(browser.post(&assign, &[("user_id", &ada)]).status, 400);
    let without_user = [("revision", revision.as_str()), ("user_id", "")];
    assert_eq!(browser.post(&assign, &without_user).status, 400);
}

#[test]
fn live_search_keeps_the_seen_assignee() {
    let (api, browser) = open();
    let ada = api.add_user("acme", "ada@acme.test");
    let bob = api.add_user("acme", "bob@acme.test").to_string();
    let id = api.create_device(json!({}));
    let assign = format!("{}/assign", path(id));
    let seen = browser.page(&assign).value("revision");
    change(&api, id, &json!({"user_id": ada}));
    let headers = [
        ("HX-Request", "true"),
        ("Seen-Revision", &seen),
        ("Seen-Assignee", ""),
    ];
    let search = format!("{assign}?search=bob");
    let response = browser.send(browser.request("GET", &search, &headers));
    let page = Page::read(&response.text);
    assert_eq!(page.value("revision"), seen);
    assert_eq!(page.value("assignee"), "");
    let form = [("revision", seen.as_str()), ("user_id", &bob)];
    let conflict = browser.post(&assign, &form);
    assert_eq!(conflict.status, 409);
    assert_eq!(stored(&api, id)["user"]["email"], "ada@acme.test");
    assert_ne!(browser.page(&search).value("revision"), seen);
}

#[test]
fn device_is_archived_and_restored() {
    let (api, browser) = open();
    let id = api.create_device(json!({"name": "LT-1"}));
    let archive = format!("{}/archive", path(id));
    let form = FilledForm::of(&browser.page(&archive), &archive);
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
    for (index, hostile) in HOSTILE.into_iter().enumerate() {
        let user = json!({"email": format!("u{index}@acme.test"), "first_name": hostile});
        let user = api.send("POST", "/users", &user).json()["data"]["id"].clone();
        let mut fields = json!({
            "tags": [hostile], "compliance": [hostile], "attributes": {hostile: hostile},
            "user_id": user, "serial_number": format!("SN\"><script>{index}"),
            "asset_tag": format!("A<img src=x>{index}"),
        });
        for name in [
            "name",
            "type",
            "category",
            "brand",
            "model",
            "comment",
            "client_contract_number",
            "client_invoice_number",
            "screen_size",
            "graphic",
            "processor",
            "ram",
            "storage",
            "model_year",
            "connectivity",
            "resolution",
            "color",
            "seats_number",
            "assembly",
            "os_platform",
        ] {
            fields[name] = json!(hostile);
        }
        let id = api.create_device(fields);
        let edit = format!("{}/edit", path(id));
        let form = FilledForm::of(&browser.page(&edit), &edit);
        change(
            &api,
            id,
            &json!({"brand": format!("{hostile}2"), "model": hostile}),
        );
        let conflict = form
            .with(&[("brand", "x"), ("model", hostile)])
            .send(&browser);
        assert_eq!(conflict.status, 409);
        let invalid = FilledForm::of(&browser.page("/ui/devices/new"), "/ui/devices/new");
        let invalid = invalid.with(&[("brand", hostile), ("client_purchase_date", hostile)]);
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
            assert!(!page.contains("<img"), "{page}");
            assert!(!page.contains("<script>"), "{page}");
            Page::read(&page);
        }
    }
}
