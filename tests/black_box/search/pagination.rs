//! Pages, links and filters of a search.

use devices_tests::{Api, encoded, ids};
use serde_json::json;

use super::{add_user, found_with, now_and_later, wait_until_indexed};

#[test]
fn a_cursor_leads_through_all_that_is_found_once_each() {
    let api = Api::start();
    // Of four relevances, all over the place, with many equals.
    let created = api.create_devices((0..60).map(|n| match n % 4 {
        0 => json!({"name": "Thinkpad"}),
        1 => json!({"comment": "like a thinkpad"}),
        2 => json!({"brand": "Thinkpad", "comment": "thinkpad"}),
        _ => json!({"name": format!("Thinkpad thinkpad {n}")}),
    }));
    api.create_devices((0..5).map(|_| json!({"name": "Desk"})));
    let walk = |limit: usize| {
        let mut seen = Vec::new();
        for answer in api.pages(&format!("/devices?search=thinkpad&limit={limit}")) {
            let list = answer.json();
            assert_eq!(list["meta"]["total"], 60);
            assert_eq!(list["meta"]["offset"], seen.len());
            let page = ids(&list["data"]);
            assert!(!page.is_empty() && page.len() <= limit);
            seen.extend(page);
        }
        seen
    };
    // The first walk may happen while they are indexed.
    let early = [walk(7), walk(30)];
    wait_until_indexed(&api);
    let whole = ids_of_page(&api, "limit=100");
    let mut sorted = whole.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, created);
    for seen in early
        .iter()
        .chain(&[walk(1), walk(7), walk(59), walk(60), walk(100)])
    {
        assert_eq!(seen, &whole);
    }
    for offset in [0, 13, 59, 60] {
        let part = ids_of_page(&api, &format!("limit=10&offset={offset}"));
        assert_eq!(part, whole[offset..whole.len().min(offset + 10)]);
    }
    // A cursor is for its own search.
    let first = api.ask("GET", "/devices?search=thinkpad&limit=7");
    let other = first
        .link("next")
        .unwrap()
        .replace("search=thinkpad", "search=think");
    let answer = api.ask("GET", &other);
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.json()["errors"][0]["field"], "cursor");
}

fn ids_of_page(api: &Api, paging: &str) -> Vec<i64> {
    ids(&api.list(&format!("/devices?search=thinkpad&{paging}"))["data"])
}

#[test]
fn what_is_searched_for_survives_in_the_links() {
    let api = Api::start();
    api.create_devices((0..3).map(|n| json!({"name": format!("Zoé & Co {n}")})));
    let search = encoded("zoé & co");
    let path = format!("/devices?search={search}&type=laptop&limit=1");
    let first = api.ask("GET", &path);
    let second = api.ask("GET", &first.link("next").unwrap());
    let third = api.ask("GET", &second.link("next").unwrap());
    assert_eq!(third.link("next"), None);
    let found: Vec<_> = [&first, &second, &third]
        .iter()
        .flat_map(|answer| ids(&answer.json()["data"]))
        .collect();
    assert_eq!(found, [3, 2, 1]);
    assert_eq!(api.list(&third.link("first").unwrap()), first.json());
}

#[test]
fn a_search_and_filters_must_all_be_passed() {
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
    now_and_later(&api, || {
        let with = |more: &str| found_with(&api, "acme", more);
        let mut of_grace = with(&user);
        of_grace.sort_unstable();
        // The desk is found by its assignee's address.
        assert_eq!(of_grace, [laptop, phone, broken, desk]);
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
        assert_eq!(found_with(&api, "two", &user), [phone]);
        assert_eq!(found_with(&api, "three", &user), [0; 0]);
    });
}

#[test]
fn a_head_of_a_search_has_its_links() {
    let api = Api::start();
    api.create_devices((0..2).map(|_| json!({"name": "Thinkpad"})));
    let path = "/devices?search=thinkpad&limit=1";
    let (get, head) = (api.ask("GET", path), api.ask("HEAD", path));
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("link"), get.header("link"));
    assert!(head.link("next").is_some());
}
