//! Totals of lists that are too long to count.

use devices_tests::{Api, ids};
use serde_json::{Value, json};

/// Returns the ids of all pages, and `meta` of the first.
fn all_pages(api: &Api, path: &str) -> (Vec<i64>, Value) {
    let pages: Vec<Value> = api.pages(path).map(|page| page.json()).collect();
    let listed = pages.iter().flat_map(|page| ids(&page["data"])).collect();
    (listed, pages[0]["meta"].clone())
}

#[test]
fn total_of_a_long_list_is_a_lower_bound() {
    let api = Api::start();
    let few = json!({"type": "plotter", "tags": ["museum"], "attributes": {"Site": "Oslo"}});
    let mut created = api.create_devices(vec![few; 5]);
    let phone = json!({"type": "phone", "tags": ["on loan"], "attributes": {"Site": "Lyon"}});
    for _ in 0..3 {
        created.extend(api.create_devices(vec![phone.clone(); 500]));
    }
    created.reverse();
    let (listed, meta) = all_pages(&api, "/devices?limit=100");
    assert_eq!(listed, created);
    assert_eq!(meta, json!({"total": 1_505, "limit": 100, "offset": 0}));
    for (filter, count) in [
        ("type=phone", 1_500),
        ("tag=on+loan", 1_500),
        ("attributes.Site=Lyon", 1_500),
        ("client_status=AVAILABLE", 1_505),
        ("updated_since=2020-01-01", 1_505),
    ] {
        let (listed, meta) = all_pages(&api, &format!("/devices?limit=100&{filter}"));
        assert_eq!(listed, created[..count], "{filter}");
        assert_eq!(meta["total_is_exact"], false, "{filter}");
        let total = meta["total"].as_u64().unwrap() as usize;
        assert!((500..=count).contains(&total), "{filter}: {total}");
        // A lower bound includes the page and the next item.
        let page = api.get_json(&format!("/devices?limit=10&offset=1400&{filter}"));
        assert_eq!(ids(&page["data"]), created[1_400..1_410], "{filter}");
        assert!(page["meta"]["total"].as_u64().unwrap() >= 1_411, "{filter}");
    }
    for filter in [
        "type=Plotter",
        "tag=museum",
        "attributes.Site=Oslo",
        "type=plotter&tag=museum&client_status=AVAILABLE",
    ] {
        let list = api.get_json(&format!("/devices?{filter}"));
        assert_eq!(ids(&list["data"]), created[1_500..], "{filter}");
        assert_eq!(list["meta"], json!({"total": 5, "limit": 50, "offset": 0}));
    }
}
