//! Values that contain HTML.

use devices_domain::{Format, fields};
use devices_tests::{Api, Page, complete_device};
use serde_json::json;

use super::browser;

const TEXTS: [&str; 2] = [
    "<img src=x onerror=alert(1)>",
    "\"><script>alert(1)</script>",
];

/// Asserts that a page has no element that a value could have added.
fn assert_escaped(html: &str, case: &str) {
    let page = Page::read(html);
    assert!(page.all("img").is_empty(), "{case}");
    let scripts = page.all("script").into_iter();
    assert!(
        scripts.into_iter().all(|script| script.text().is_empty()),
        "{case}"
    );
    let has_handler = |name: &String| name.starts_with("on");
    let inputs = page.all("input").into_iter().chain(page.all("a"));
    for element in inputs {
        assert!(
            !element.attributes.keys().any(has_handler),
            "{case}: {element:?}"
        );
    }
}

#[test]
fn values_of_all_columns_are_escaped() {
    let api = Api::start();
    for text in TEXTS {
        let email = format!("{}@acme.test", text.len());
        let user = json!({"email": email, "first_name": text, "last_name": text});
        let user = api.send("POST", "/users", &user).json()["data"]["id"].clone();
        let mut values = complete_device(json!({"user_id": user}));
        values.as_object_mut().unwrap().remove("user_email");
        for field in fields() {
            let name = field.name();
            match field.format() {
                Format::Text { .. } | Format::Lines { .. } => values[name] = json!(text),
                Format::TextList { .. } => values[name] = json!([text]),
                Format::Attributes { .. } => values[name] = json!({text: text}),
                Format::SerialNumber | Format::AssetTag => {
                    values[name] = json!(format!("{name}{text}"));
                }
                _ => {}
            }
        }
        api.create_device(values);
    }
    let browser = browser(&api);
    let session = browser.cookie().unwrap();
    let names: Vec<_> = fields().iter().map(devices_domain::Field::name).collect();
    let columns = format!("{}.assignee.status", names.join("."));
    browser.set_cookie(Some(format!("{session}; fleet_devices_columns={columns}")));
    let response = browser.get("/ui/devices");
    assert_eq!(response.status, 200);
    assert_escaped(&response.text, "list");
    assert!(Page::read(&response.text).text().contains(TEXTS[0]));
}

#[test]
fn values_of_all_filters_are_escaped() {
    let api = Api::start();
    let browser = browser(&api);
    let page = browser.page("/ui/devices");
    let names = page.form("/ui/devices").into_iter().map(|(name, _)| name);
    let others = [
        "attributes.<b>",
        "after",
        "user_id",
        "notice",
        "without_brand",
    ];
    let names: Vec<_> = names.chain(others.map(str::to_owned)).collect();
    for text in TEXTS {
        for name in &names {
            let query = devices_tests::form_urlencoded(&[(name.as_str(), text)]);
            let response = browser.get(&format!("/ui/devices?{query}"));
            assert_eq!(response.status, 200, "{name}");
            assert_escaped(&response.text, name);
        }
        for name in ["search", "tag", "lifecycle", "user_id", "back", "notice"] {
            for action in ["assign", "add_tag", "set_lifecycle", "archive"] {
                let query = [("action", action), ("devices", "B"), (name, text)];
                let query = devices_tests::form_urlencoded(&query);
                for path in ["bulk", "bulk/result"] {
                    let response = browser.get(&format!("/ui/devices/{path}?{query}"));
                    assert_escaped(&response.text, &format!("{path} {action} {name}"));
                }
            }
        }
    }
}
