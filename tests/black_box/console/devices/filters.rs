//! Filters of the list.

use devices_tests::{Api, Element, device};
use serde_json::json;

use super::{browser, count, create, names};

#[test]
fn each_filter_selects_its_devices() {
    let api = Api::start();
    let user = api.add_user("acme", "ada@acme.test");
    api.create_device(device(json!({
        "name": "Match", "type": "Phone", "category": "Mobile", "brand": "Fair", "user_id": user,
        "serial_number": "SN-1", "asset_tag": "T-1", "tags": ["green", "loan"],
        "attributes": {"Room": "B12"}, "lifecycle": "IN_MAINTENANCE",
        "client_warranty_endDate": "2027-03-31", "client_rental_endDate": "2027-04-30",
    })));
    api.create_device(device(json!({"name": "Other", "brand": "Dell"})));
    api.create_device(device(json!({"name": "Unbranded"})));
    let browser = browser(&api);
    let user_id = format!("user_id={user}");
    for (query, chip) in [
        ("search=sn-1", "Search: sn-1"),
        ("client_status=IN_MAINTENANCE", "Status: In maintenance"),
        ("type=phone", "Type: phone"),
        ("category=MOBILE", "Category: MOBILE"),
        ("brand=fair", "Brand: fair"),
        (user_id.as_str(), "Assignee: ada@acme.test"),
        ("assignee=ada", "Assignee: ada@acme.test"),
        ("serial_number=sn-1", "Serial number: sn-1"),
        ("asset_tag=t-1", "Asset tag: t-1"),
        ("tag=green&tag=loan", "Tag: green"),
        ("attributes.Room=B12", "Room: B12"),
        ("attribute_key=Room&attribute_value=B12", "Room: B12"),
        (
            "warranty_from=2027-03-31&warranty_to=2027-03-31",
            "Warranty ends from: 2027-03-31",
        ),
        ("rental_to=2027-05-01", "Rental ends until: 2027-05-01"),
        ("serial_numbers=x%0Asn-1", "Serial numbers: 2"),
        (
            "type=phone&updated_since=2020-01-31",
            "Changed since: 2020-01-31",
        ),
    ] {
        let page = browser.page(&format!("/ui/devices?{query}"));
        assert_eq!(names(&page), ["Match"], "{query}: {}", page.text());
        let chips: Vec<_> = page
            .by_class("chip")
            .into_iter()
            .map(Element::text)
            .collect();
        assert!(
            chips.iter().any(|text| text.starts_with(chip)),
            "{query}: {chips:?}"
        );
    }
    let page = browser.page("/ui/devices?without_brand=true");
    assert_eq!(names(&page), ["Unbranded"]);
    let page = browser.page("/ui/devices?updated_since=2999-01-01T00:00:00Z");
    assert_eq!(count(&page), "0 devices");
}

#[test]
fn chip_removes_its_filter_only() {
    let api = Api::start();
    create(&api, &["One"]);
    let browser = browser(&api);
    let page = browser.page("/ui/devices?type=phone&tag=a&tag=b&attributes.Room=1");
    let chips = page.by_class("chip").into_iter();
    let targets: Vec<_> = chips
        .map(|chip| chip.attribute("href").to_owned())
        .collect();
    let expected = [
        "/ui/devices?tag=a&tag=b&attributes.Room=1",
        "/ui/devices?type=phone&tag=b&attributes.Room=1",
        "/ui/devices?type=phone&tag=a&attributes.Room=1",
        "/ui/devices?type=phone&tag=a&tag=b",
    ];
    assert_eq!(targets, expected);
}

#[test]
fn form_leads_to_an_address_without_empty_filters() {
    let api = Api::start();
    create(&api, &["One"]);
    let browser = browser(&api);
    let page = browser.page("/ui/devices");
    let mut form = page.form("/ui/devices");
    for (name, value) in &mut form {
        if name == "type" {
            *value = "Laptop".to_owned();
        }
    }
    let sent = browser.post("/ui/devices", &super::pairs(&form));
    assert_eq!(sent.header("location"), "/ui/devices?type=Laptop");
    // The script shows the list inside of the page, and sets the address.
    let headers = [devices_tests::SAME_ORIGIN, ("HX-Request", "true")];
    let sent = browser.post_with("/ui/devices", &headers, &super::pairs(&form));
    let address = sent.header("hx-replace-url");
    assert_eq!((sent.status, address), (200, "/ui/devices?type=Laptop"));
    let invalid = [("type", "Laptop"), ("updated_since", "soon")];
    let sent = browser.post_with("/ui/devices", &headers, &invalid);
    let address = sent.header("hx-replace-url");
    assert_eq!((sent.status, address), (200, "/ui/devices"));
}

#[test]
fn assignee_of_a_link_is_kept_by_the_form() {
    let api = Api::start();
    // A search for the address of the first user matches both.
    let user = api.add_user("acme", "ada@acme.test");
    let other = api.add_user("acme", "ada@acme.test.example");
    api.create_device(device(json!({"name": "Match", "user_id": user})));
    api.create_device(device(json!({"name": "Other", "user_id": other})));
    let browser = browser(&api);
    let address = format!("/ui/devices?user_id={user}");
    let form = browser.page(&address).form("/ui/devices");
    let sent = browser.post("/ui/devices", &super::pairs(&form));
    assert_eq!(sent.header("location"), address);
    let email = "ada@acme.test.example";
    let form: Vec<_> = form
        .iter()
        .map(|(name, value)| match name.as_str() {
            "assignee" => ("assignee", email),
            name => (name, value.as_str()),
        })
        .collect();
    let page = browser.post_and_follow("/ui/devices", &form);
    assert_eq!(names(&page), ["Other"]);
}

#[test]
fn invalid_filters_are_reported_at_their_controls() {
    let api = Api::start();
    create(&api, &["One"]);
    api.add_user("acme", "ada.one@acme.test");
    api.add_user("acme", "ada.two@acme.test");
    let browser = browser(&api);
    for (query, control) in [
        ("client_status=BROKEN", "filter-client_status"),
        ("user_id=x", "filter-assignee"),
        ("assignee=nobody", "filter-assignee"),
        ("assignee=ada", "filter-assignee"),
        ("batch_id=-1", "filter-batch_id"),
        ("updated_since=yesterday", "filter-updated_since"),
        ("warranty_from=31.3.2027", "filter-warranty_from"),
        ("attribute_key=Room&attribute_value=", "filter-attribute-1"),
    ] {
        let page = browser.page(&format!("/ui/devices?{query}"));
        let links = page.links();
        assert!(
            links.contains_key(&format!("#{control}")),
            "{query}: {links:?}"
        );
        assert!(page.by_id(control).is_some(), "{query}");
        // Other devices than the intended ones could be changed.
        assert!(names(&page).is_empty(), "{query}");
    }
}

#[test]
fn invalid_filters_are_kept_in_the_form() {
    let api = Api::start();
    let browser = browser(&api);
    let long = "t".repeat(101);
    let query = format!("tag={long}&tag=a&attribute_key=&attribute_value=12");
    let page = browser.page(&format!("/ui/devices?{query}"));
    for (control, value) in [("filter-tag-2", long.as_str()), ("filter-attribute-1", "")] {
        let input = page.by_id(control).unwrap();
        assert_eq!(input.value(), value);
        assert_eq!(input.attribute("aria-invalid"), "true", "{control}");
        let error = page.by_id(input.attribute("aria-describedby")).unwrap();
        assert_eq!(page.link(&error.text()), format!("#{control}"));
    }
}
