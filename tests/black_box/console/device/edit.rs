//! Edits of a device.

use devices_tests::{Browser, Page};
use serde_json::{Value, json};

use super::{delicate_fields, path, stored};
use crate::console::form::FilledForm;
use crate::console::{change, open};

#[test]
fn untouched_form_changes_nothing() {
    let (api, browser) = open();
    let id = api.create_device(delicate_fields());
    let (before, events) = (stored(&api, id), api.events());
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::open(&browser, &edit, &edit);
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
    let id = api.create_device(delicate_fields());
    let edit = format!("{}/edit", path(id));
    let form = FilledForm::open(&browser, &edit, &edit).with(&[
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
    let form = FilledForm::open(&browser, &edit, &edit).with(&[("brand", "HP")]);
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
    let mine = FilledForm::open(&first, &edit, &edit);
    let theirs = FilledForm::open(&second, &edit, &edit);
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
    let form = FilledForm::open(&browser, &edit, &edit);
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
fn rejected_choice_keeps_later_changes_of_others() {
    let (api, browser) = open();
    api.create_device(json!({"asset_tag": "A-1"}));
    let id = api.create_device(json!({
        "brand": "Dell", "model": "XPS", "comment": "broken hinge", "color": "red",
    }));
    let edit = format!("{}/edit", path(id));
    let mine = FilledForm::open(&browser, &edit, &edit);
    change(&api, id, &json!({"brand": "Acer", "model": "Swift"}));
    let mine = mine.with(&[("brand", "HP"), ("model", "ZBook"), ("asset_tag", "A-1")]);
    let conflict = mine.send(&browser);
    assert_eq!(conflict.status, 409);
    let chosen = FilledForm::of(&Page::read(&conflict.text), &edit)
        .with(&[("choice.brand", "mine"), ("choice.model", "theirs")]);
    let rejected = chosen.send(&browser);
    assert_eq!(rejected.status, 422, "the asset tag is taken");
    let page = Page::read(&rejected.text);
    assert_eq!(page.value("model"), "Swift", "the chosen value");
    // The form has all fields now, also those that the comparison did not have.
    change(&api, id, &json!({"comment": null, "color": "blue"}));
    let corrected = FilledForm::of(&page, &edit).with(&[("asset_tag", "A-2")]);
    let saved = corrected.send(&browser);
    assert_eq!(
        saved.header("location"),
        format!("{}?notice=merged", path(id))
    );
    let device = stored(&api, id);
    assert_eq!(device["comment"], Value::Null);
    assert_eq!(device["characteristics"]["color"], "blue");
    let values = ["brand", "model", "asset_tag"].map(|name| device[name].as_str());
    assert_eq!(values, [Some("HP"), Some("Swift"), Some("A-2")]);
}
