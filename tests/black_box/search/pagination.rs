//! Pages, links and filters of a search.

use devices_tests::{Api, ids, percent_encode};
use serde_json::json;

use super::{add_user, before_and_after_indexing, search_with, wait_until_indexed};

#[test]
fn cursor_returns_each_result_once() {
    let api = Api::start();
    // Four kinds of different relevance, interleaved, each with many ties.
    let created = api.create_devices((0..60).map(|n| match n % 4 {
        0 => json!({"name": "Thinkpad"}),
        1 => json!({"comment": "like a thinkpad"}),
        2 => json!({"brand": "Thinkpad", "comment": "thinkpad"}),
        _ => json!({"name": format!("Thinkpad thinkpad {n}")}),
    }));
    api.create_devices((0..5).map(|_| json!({"name": "Desk"})));
    let walk = |limit: usize| {
        let mut seen = Vec::new();
        for response in api.pages(&format!("/devices?search=thinkpad&limit={limit}")) {
            let list = response.json();
            assert_eq!(list["meta"]["total"], 60);
            assert_eq!(list["meta"]["offset"], seen.len());
            let page = ids(&list["data"]);
            assert!(!page.is_empty() && page.len() <= limit);
            seen.extend(page);
        }
        seen
    };
    // These two walks through the pages may run while the devices are being indexed.
    let early = [walk(7), walk(30)];
    wait_until_indexed(&api);
    let all = ids_of_page(&api, "limit=100");
    let mut sorted = all.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, created);
    for seen in early
        .iter()
        .chain(&[walk(1), walk(7), walk(59), walk(60), walk(100)])
    {
        assert_eq!(seen, &all);
    }
    for offset in [0, 13, 59, 60] {
        let page = ids_of_page(&api, &format!("limit=10&offset={offset}"));
        assert_eq!(page, all[offset..all.len().min(offset + 10)]);
    }
    // A cursor is valid only for the search that it was created for.
    let first = api.call("GET", "/devices?search=thinkpad&limit=7");
    let other = first
        .link("next")
        .unwrap()
        .replace("search=thinkpad", "search=think");
    let response = api.call("GET", &other);
    assert_eq!(response.status, 400, "{}", response.text);
    assert_eq!(response.json()["errors"][0]["field"], "cursor");
}

fn ids_of_page(api: &Api, paging: &str) -> Vec<i64> {
    ids(&api.get_json(&format!("/devices?search=thinkpad&{paging}"))["data"])
}

#[test]
fn links_preserve_search_text() {
    let api = Api::start();
    api.create_devices((0..3).map(|n| json!({"name": format!("Zoé & Co {n}")})));
    let search = percent_encode("zoé & co");
    let path = format!("/devices?search={search}&type=laptop&limit=1");
    let first = api.call("GET", &path);
    let second = api.call("GET", &first.link("next").unwrap());
    let third = api.call("GET", &second.link("next").unwrap());
    assert_eq!(third.link("next"), None);
    let found: Vec<_> = [&first, &second, &third]
        .iter()
        .flat_map(|response| ids(&response.json()["data"]))
        .collect();
    assert_eq!(found, [3, 2, 1]);
    assert_eq!(api.get_json(&third.link("first").unwrap()), first.json());
}

#[test]
fn search_combines_with_filters() {
    let api = Api::start();
    let grace = add_user(&api, "grace@acme.test", "Grace", "Hopper");
    let [laptop, phone, free, broken, desk] = api.create_devices([
        json!({"name": "Acme one", "user_id": grace}),
        json!({"name": "Acme two", "type": "phone", "user_id": grace, "serial_number": "SN-2"}),
        json!({"name": "Acme three"}),
        json!({"name": "Acme four", "lifecycle": "IN_MAINTENANCE", "user_id": grace}),
        json!({"name": "Desk", "category": "furniture", "user_id": grace}),
    ])[..] else {
        panic!("five devices");
    };
    let user = format!("&user_id={grace}");
    before_and_after_indexing(&api, || {
        let with = |more: &str| search_with(&api, "acme", more);
        let mut assigned = with(&user);
        assigned.sort_unstable();
        // The desk matches by the email address of its assignee.
        assert_eq!(assigned, [laptop, phone, broken, desk]);
        assert_eq!(with("&client_status=AVAILABLE"), [free]);
        assert_eq!(with("&client_status=IN_MAINTENANCE"), [broken]);
        assert_eq!(with("&client_status=SHIPPED"), [0; 0]);
        assert_eq!(with("&type=PHONE"), [phone]);
        assert_eq!(
            with(&format!("&type=phone&client_status=IN_SERVICE{user}")),
            [phone]
        );
        assert_eq!(with("&type=phone&client_status=AVAILABLE"), [0; 0]);
        assert_eq!(with("&serial_number=sn-2"), [phone]);
        assert_eq!(with("&category=Furniture"), [desk]);
        assert_eq!(with("&updated_since=2999-01-01"), [0; 0]);
        assert_eq!(with("&updated_since=2000-01-01").len(), 5);
        assert_eq!(search_with(&api, "two", &user), [phone]);
        assert_eq!(search_with(&api, "three", &user), [0; 0]);
    });
}

#[test]
fn head_of_search_returns_links() {
    let api = Api::start();
    api.create_devices((0..2).map(|_| json!({"name": "Thinkpad"})));
    let path = "/devices?search=thinkpad&limit=1";
    let (get, head) = (api.call("GET", path), api.call("HEAD", path));
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("link"), get.header("link"));
    assert!(head.link("next").is_some());
}
