//! Pages of `GET /devices`, their links and cursors.

use std::collections::BTreeSet;

use devices_tests::{Api, ids, send};
use serde_json::json;

use super::{create_many, create_named, names};

#[test]
fn list_is_newest_first_with_total() {
    let api = Api::start();
    let created = create_many(&api, 60);
    let newest_first: Vec<i64> = created.iter().rev().copied().collect();

    let all = api.get_json("/devices?limit=100");
    assert_eq!(ids(&all["data"]), newest_first);
    assert_eq!(all["meta"], json!({"total": 60, "limit": 100, "offset": 0}));
    let list = api.get_json("/devices");
    assert_eq!(ids(&list["data"]), newest_first[..50]);
    assert_eq!(list["meta"], json!({"total": 60, "limit": 50, "offset": 0}));
    let list = api.get_json("/devices?offset=50");
    assert_eq!(ids(&list["data"]), newest_first[50..]);
    assert_eq!(
        list["meta"],
        json!({"total": 60, "limit": 50, "offset": 50})
    );
    let list = api.get_json("/devices?limit=1&offset=59");
    assert_eq!(ids(&list["data"]), newest_first[59..]);
    for offset in [60, 1_000_000, i64::MAX] {
        let list = api.get_json(&format!("/devices?offset={offset}"));
        assert_eq!(list["data"], json!([]));
        assert_eq!(
            list["meta"],
            json!({"total": 60, "limit": 50, "offset": offset})
        );
    }
    for device in all["data"].as_array().unwrap().iter().take(2) {
        let single = api.get_json(&format!("/devices/{}", device["id"]));
        assert_eq!(&single["data"], device, "the list shows a device in full");
    }
}

#[test]
fn batches_are_listed_newest_first() {
    let api = Api::start();
    create_named(&api, ["one", "two", "three"]);
    assert_eq!(names(&api.get_json("/devices")), ["three", "two", "one"]);
}

#[test]
fn empty_workspace_has_empty_list() {
    let api = Api::start();
    let response = api.page("/devices");
    assert_eq!(
        response.json(),
        json!({"data": [], "meta": {"total": 0, "limit": 50, "offset": 0}})
    );
    assert_eq!(response.links().into_keys().collect::<Vec<_>>(), ["first"]);
}

#[test]
fn links_point_to_adjacent_pages() {
    let api = Api::start();
    create_many(&api, 25);
    let relations = |path: &str| -> Vec<String> { api.page(path).links().into_keys().collect() };
    assert_eq!(relations("/devices?limit=10"), ["first", "next"]);
    assert_eq!(
        relations("/devices?limit=10&offset=10"),
        ["first", "next", "prev"]
    );
    assert_eq!(relations("/devices?limit=10&offset=20"), ["first", "prev"]);
    assert_eq!(relations("/devices?limit=10&offset=15"), ["first", "prev"]);
    assert_eq!(relations("/devices?limit=25"), ["first"]);
    assert_eq!(relations("/devices?limit=24"), ["first", "next"]);

    let follow = |path: &str, relation: &str| {
        let links = api.page(path).links();
        assert!(links[relation].starts_with("/devices?"), "{links:?}");
        api.get_json(&links[relation])
    };
    let first = api.get_json("/devices?limit=10");
    let second = api.get_json("/devices?limit=10&offset=10");
    assert_eq!(follow("/devices?limit=10&offset=20", "first"), first);
    assert_eq!(follow("/devices?limit=10&offset=20", "prev"), second);
    assert_eq!(follow("/devices?limit=10&offset=10", "prev"), first);
    assert_eq!(
        names(&follow("/devices?limit=10", "next")),
        names(&second),
        "cursor and offset lead to the same page"
    );
    // A `prev` page begins at offset 0 at the earliest.
    assert_eq!(
        names(&follow("/devices?limit=10&offset=5", "prev"))[..5],
        names(&first)[..5]
    );
}

#[test]
fn links_keep_encoded_filters() {
    let api = Api::start();
    for number in 0..3 {
        let name = format!("device {number}");
        api.create_device(json!({"name": name, "category": "R&D <é>, \"x\" +1"}));
        api.create_device(json!({"name": "other"}));
    }
    let filter = "category=R%26D%20%3C%C3%A9%3E,%20%22x%22%20%2B1";
    let path = format!("/devices?{filter}&limit=1");
    let mut seen = Vec::new();
    for response in api.pages(&path) {
        seen.extend(names(&response.json()));
        assert_eq!(response.json()["meta"]["total"], 3);
    }
    assert_eq!(seen, ["device 2", "device 1", "device 0"]);
    let links = api.page(&format!("{path}&offset=2")).links();
    assert_eq!(names(&api.get_json(&links["first"])), ["device 2"]);
    assert_eq!(names(&api.get_json(&links["prev"])), ["device 1"]);
}

#[test]
fn cursor_pages_survive_concurrent_changes() {
    let api = Api::start();
    let initial = create_many(&api, 40);
    let mut deleted = BTreeSet::new();
    let mut seen = Vec::new();
    for response in api.pages("/devices?limit=7") {
        let page = ids(&response.json()["data"]);
        seen.extend(page.iter().copied());
        // Delete one device that was listed and one that was not, and create others.
        let listed = page.iter().find(|id| initial.contains(id));
        let pending = initial
            .iter()
            .find(|id| !seen.contains(id) && !deleted.contains(*id));
        for id in listed.into_iter().chain(pending) {
            assert_eq!(api.call("DELETE", &format!("/devices/{id}")).status, 200);
            deleted.insert(*id);
        }
        create_many(&api, 3);
        assert!(seen.len() <= 40, "the pages do not end");
    }
    let mut expected: Vec<i64> = initial
        .iter()
        .rev()
        .filter(|id| seen.contains(id) || !deleted.contains(id))
        .copied()
        .collect();
    assert_eq!(seen, expected);
    expected.retain(|id| !deleted.contains(id));
    assert!(
        expected.len() > 20,
        "too few devices were kept: {expected:?}"
    );
}

#[test]
fn cursor_outlives_its_deleted_device() {
    let api = Api::start();
    let created = create_many(&api, 4);
    let next = api.page("/devices?limit=2").next_cursor();
    assert_eq!(
        api.call("DELETE", &format!("/devices/{}", created[2]))
            .status,
        200
    );
    let list = api.get_json(&format!("/devices?limit=2&cursor={next}"));
    assert_eq!(ids(&list["data"]), [created[1], created[0]]);
}

#[test]
fn cursor_is_reusable_with_another_limit() {
    let api = Api::start();
    create_many(&api, 9);
    let next = api.page("/devices?limit=2").next_cursor();
    for _ in 0..2 {
        let list = api.get_json(&format!("/devices?limit=3&cursor={next}"));
        assert_eq!(names(&list), ["device 7", "device 6", "device 5"]);
        assert_eq!(list["meta"]["total"], 9);
    }
}

#[test]
fn head_matches_get_without_body() {
    let api = Api::start();
    create_many(&api, 3);
    for path in [
        "/devices",
        "/devices?limit=1&offset=1",
        "/devices?limit=0",
        "/platform/v1/devices",
    ] {
        let (get, head) = (api.call("GET", path), api.call("HEAD", path));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.stable_headers(), get.stable_headers(), "{path}");
    }
}

#[test]
fn read_key_can_list_and_export() {
    let api = Api::start();
    create_many(&api, 1);
    let read = api.create_key("acme", "READ");
    for method in ["GET", "HEAD"] {
        for path in ["/devices", "/devices/1", "/devices/export"] {
            let response = api.call_as(&read, method, path);
            assert_eq!(response.status, 200, "{method} {path}: {}", response.text);
            assert_eq!(send(api.request(method, path)).status, 401);
        }
    }
}

#[test]
fn links_keep_the_vendor_prefix() {
    let api = Api::start();
    create_many(&api, 5);
    let plain = api.page("/devices?limit=2");
    let prefixed = api.page("/platform/v1/devices?limit=2");
    assert_eq!(prefixed.json(), plain.json());
    let middle = api.page("/platform/v1/devices?limit=2&offset=2");
    for link in middle.links().values() {
        assert!(link.starts_with("/platform/v1/devices?"), "{link}");
        assert_eq!(api.call("GET", link).status, 200, "{link}");
    }
    let next = &prefixed.links()["next"];
    assert_eq!(names(&api.get_json(next)), ["device 3", "device 2"]);
    let rejected = api.call("GET", "/platform/v1/devices?limit=0");
    assert_eq!(rejected.text, api.call("GET", "/devices?limit=0").text);
}
