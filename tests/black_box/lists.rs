//! `GET /devices`: its pages, its filters, and what is no question.

use std::collections::BTreeSet;

use devices_tests::{Api, ids, send};
use serde_json::{Value, json};

/// Creates devices of these names, one batch each, so that their order is theirs.
fn create_named<'a>(api: &Api, names: impl IntoIterator<Item = &'a str>) -> Vec<i64> {
    names
        .into_iter()
        .map(|name| api.create_device(json!({ "name": name })))
        .collect()
}

/// Creates so many devices in one batch, named `device 1` and so on; their ids.
fn create_many(api: &Api, count: usize) -> Vec<i64> {
    api.create_devices((1..=count).map(|number| json!({"name": format!("device {number}")})))
}

/// The names of a list's devices.
fn names(list: &Value) -> Vec<String> {
    let devices = list["data"].as_array().unwrap();
    devices
        .iter()
        .map(|device| device["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Refused as a parameter refusal about these parameters, in whatever order.
fn assert_refused(api: &Api, query: &str, fields: &[&str]) -> Value {
    let path = format!("/devices?{query}");
    let answer = api.ask("GET", &path);
    answer.assert_parameters_refused(fields, &path)
}

fn assert_reason(api: &Api, query: &str, field: &str, reason: &str) -> Value {
    let body = assert_refused(api, query, &[field]);
    assert_eq!(body["errors"][0]["reason"], reason, "{query}: {body}");
    body
}

#[test]
fn the_newest_comes_first_fifty_at_a_time_and_the_total_counts_all() {
    let api = Api::start();
    let created = create_many(&api, 60);
    let newest_first: Vec<i64> = created.iter().rev().copied().collect();

    let all = api.list("/devices?limit=100");
    assert_eq!(ids(&all["data"]), newest_first);
    assert_eq!(all["meta"], json!({"total": 60, "limit": 100, "offset": 0}));
    let list = api.list("/devices");
    assert_eq!(ids(&list["data"]), newest_first[..50]);
    assert_eq!(list["meta"], json!({"total": 60, "limit": 50, "offset": 0}));
    let list = api.list("/devices?offset=50");
    assert_eq!(ids(&list["data"]), newest_first[50..]);
    assert_eq!(
        list["meta"],
        json!({"total": 60, "limit": 50, "offset": 50})
    );
    let list = api.list("/devices?limit=1&offset=59");
    assert_eq!(ids(&list["data"]), newest_first[59..]);
    for offset in [60, 1_000_000, i64::MAX] {
        let list = api.list(&format!("/devices?offset={offset}"));
        assert_eq!(list["data"], json!([]));
        assert_eq!(
            list["meta"],
            json!({"total": 60, "limit": 50, "offset": offset})
        );
    }
    for device in all["data"].as_array().unwrap().iter().take(2) {
        let one = api.list(&format!("/devices/{}", device["id"]));
        assert_eq!(&one["data"], device, "a list has the whole device");
    }
}

#[test]
fn devices_of_several_batches_come_newest_first() {
    let api = Api::start();
    create_named(&api, ["one", "two", "three"]);
    assert_eq!(names(&api.list("/devices")), ["three", "two", "one"]);
}

#[test]
fn a_workspace_without_devices_has_an_empty_list() {
    let api = Api::start();
    let answer = api.page("/devices");
    assert_eq!(
        answer.json(),
        json!({"data": [], "meta": {"total": 0, "limit": 50, "offset": 0}})
    );
    assert_eq!(answer.links().into_keys().collect::<Vec<_>>(), ["first"]);
}

#[test]
fn links_lead_to_the_first_the_previous_and_the_next_page() {
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
        api.list(&links[relation])
    };
    let first = api.list("/devices?limit=10");
    let second = api.list("/devices?limit=10&offset=10");
    assert_eq!(follow("/devices?limit=10&offset=20", "first"), first);
    assert_eq!(follow("/devices?limit=10&offset=20", "prev"), second);
    assert_eq!(follow("/devices?limit=10&offset=10", "prev"), first);
    assert_eq!(
        names(&follow("/devices?limit=10", "next")),
        names(&second),
        "the page after the first, whether by cursor or by offset"
    );
    // Before the fifth comes the beginning, which no page can come before.
    assert_eq!(
        names(&follow("/devices?limit=10&offset=5", "prev"))[..5],
        names(&first)[..5]
    );
}

#[test]
fn links_keep_the_filters_and_spell_them_so_that_they_can_be_followed() {
    let api = Api::start();
    for number in 0..3 {
        let name = format!("device {number}");
        api.create_device(json!({"name": name, "category": "R&D <é>, \"x\" +1"}));
        api.create_device(json!({"name": "other"}));
    }
    let filter = "category=R%26D%20%3C%C3%A9%3E,%20%22x%22%20%2B1";
    let path = format!("/devices?{filter}&limit=1");
    let mut told = Vec::new();
    for answer in api.pages(&path) {
        told.extend(names(&answer.json()));
        assert_eq!(answer.json()["meta"]["total"], 3);
    }
    assert_eq!(told, ["device 2", "device 1", "device 0"]);
    let links = api.page(&format!("{path}&offset=2")).links();
    assert_eq!(names(&api.list(&links["first"])), ["device 2"]);
    assert_eq!(names(&api.list(&links["prev"])), ["device 1"]);
}

#[test]
fn a_cursor_walks_every_device_once_while_others_come_and_go() {
    let api = Api::start();
    let there_at_first = create_many(&api, 40);
    let mut deleted = BTreeSet::new();
    let mut told = Vec::new();
    for answer in api.pages("/devices?limit=7") {
        let here = ids(&answer.json()["data"]);
        told.extend(here.iter().copied());
        // One that was told goes, and one that may come; others are created.
        let told_before = here.iter().find(|id| there_at_first.contains(id));
        let to_come = there_at_first
            .iter()
            .find(|id| !told.contains(id) && !deleted.contains(*id));
        for id in told_before.into_iter().chain(to_come) {
            assert_eq!(api.ask("DELETE", &format!("/devices/{id}")).status, 200);
            deleted.insert(*id);
        }
        create_many(&api, 3);
        assert!(told.len() <= 40, "it does not end");
    }
    let mut expected: Vec<i64> = there_at_first
        .iter()
        .rev()
        .filter(|id| told.contains(id) || !deleted.contains(id))
        .copied()
        .collect();
    assert_eq!(told, expected);
    expected.retain(|id| !deleted.contains(id));
    assert!(
        expected.len() > 20,
        "most were there all the while: {expected:?}"
    );
}

#[test]
fn the_last_device_may_go_before_its_cursor_is_used() {
    let api = Api::start();
    let created = create_many(&api, 4);
    let next = api.page("/devices?limit=2").cursor();
    assert_eq!(
        api.ask("DELETE", &format!("/devices/{}", created[2]))
            .status,
        200
    );
    let list = api.list(&format!("/devices?limit=2&cursor={next}"));
    assert_eq!(ids(&list["data"]), [created[1], created[0]]);
}

#[test]
fn a_cursor_may_be_used_with_another_limit_and_again() {
    let api = Api::start();
    create_many(&api, 9);
    let next = api.page("/devices?limit=2").cursor();
    for _ in 0..2 {
        let list = api.list(&format!("/devices?limit=3&cursor={next}"));
        assert_eq!(names(&list), ["device 7", "device 6", "device 5"]);
        assert_eq!(list["meta"]["total"], 9);
    }
}

/// Devices that differ in all that can be filtered by: `ada`'s laptop, `bob`'s phone that is being
/// repaired, a broken chair, a free laptop, and an archived laptop of `ada`'s.
fn mixed(api: &Api) -> (i64, i64) {
    let ada = api.add_user("acme", "ada@example.com");
    let bob = api.add_user("acme", "bob@example.com");
    for fields in [
        json!({"name": "assigned", "user_id": ada, "serial_number": "Sn-A1/b"}),
        json!({"name": "repaired", "type": "phone", "category": "phones", "user_id": bob,
            "lifecycle": "IN_MAINTENANCE"}),
        json!({"name": "broken", "type": "chair", "category": "furniture",
            "lifecycle": "OUT_OF_SERVICE"}),
        json!({"name": "free", "type": "LapTop", "category": "COMPUTERS"}),
    ] {
        api.create_device(fields);
    }
    let gone = json!({"name": "gone", "user_id": ada, "serial_number": "GONE-1",
        "lifecycle": "IN_MAINTENANCE"});
    let gone = api.create_device(gone);
    assert_eq!(api.ask("DELETE", &format!("/devices/{gone}")).status, 200);
    (ada, bob)
}

#[test]
fn every_filter_alone_finds_its_devices() {
    let api = Api::start();
    let (ada, bob) = mixed(&api);
    let unknown = bob + 100;
    for (query, expected) in [
        ("", vec!["free", "broken", "repaired", "assigned"]),
        (&format!("user_id={ada}"), vec!["assigned"]),
        (&format!("user_id={bob}"), vec!["repaired"]),
        (&format!("user_id={unknown}"), vec![]),
        (&format!("user_id={}", i64::MAX), vec![]),
        ("client_status=AVAILABLE", vec!["free"]),
        ("client_status=IN_SERVICE", vec!["assigned"]),
        ("client_status=IN_MAINTENANCE", vec!["repaired"]),
        ("client_status=OUT_OF_SERVICE", vec!["broken"]),
        ("client_status=ARCHIVED", vec!["gone"]),
        ("client_status=PENDING_VALIDATION", vec![]),
        ("client_status=IN_PREPARATION", vec![]),
        ("client_status=DELIVERED", vec![]),
        ("client_status=SHIPPED", vec![]),
        ("serial_number=Sn-A1/b", vec!["assigned"]),
        ("serial_number=sN-a1%2FB", vec!["assigned"]),
        ("serial_number=%20SN-A1/B%20", vec!["assigned"]),
        ("serial_number=SN-A1", vec![]),
        ("serial_number=GONE-1", vec![]),
        ("type=laptop", vec!["free", "assigned"]),
        ("type=PHONE", vec!["repaired"]),
        ("type=lap", vec![]),
        ("type=lap%25", vec![]),
        ("category=computers", vec!["free", "assigned"]),
        ("category=Furniture", vec!["broken"]),
        ("category=furnitur_", vec![]),
        (
            "updated_since=2000-01-01",
            vec!["free", "broken", "repaired", "assigned"],
        ),
        (
            "updated_since=2000-01-01T00:00:00Z",
            vec!["free", "broken", "repaired", "assigned"],
        ),
        ("updated_since=9999-12-31", vec![]),
    ] {
        let list = api.list(&format!("/devices?{query}"));
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["meta"]["total"], expected.len(), "{query}");
    }
}

#[test]
fn filters_together_find_what_passes_all_of_them() {
    let api = Api::start();
    let (ada, bob) = mixed(&api);
    for (query, expected) in [
        (
            format!(
                "user_id={ada}&client_status=IN_SERVICE&serial_number=sn-a1/B&type=LAPTOP\
                 &category=Computers&updated_since=2000-01-01"
            ),
            vec!["assigned"],
        ),
        (format!("user_id={ada}&type=phone"), vec![]),
        (
            format!("user_id={bob}&client_status=IN_MAINTENANCE"),
            vec!["repaired"],
        ),
        (format!("user_id={bob}&client_status=IN_SERVICE"), vec![]),
        (
            format!("user_id={ada}&client_status=ARCHIVED"),
            vec!["gone"],
        ),
        (
            "client_status=ARCHIVED&serial_number=gone-1&type=laptop".to_owned(),
            vec!["gone"],
        ),
        (
            "type=laptop&category=computers&client_status=AVAILABLE".to_owned(),
            vec!["free"],
        ),
        (
            "type=laptop&updated_since=2000-01-01&limit=1&offset=1".to_owned(),
            vec!["assigned"],
        ),
        ("type=laptop&category=furniture".to_owned(), vec![]),
    ] {
        let list = api.list(&format!("/devices?{query}"));
        assert_eq!(names(&list), expected, "{query}");
    }
}

#[test]
fn type_and_category_disregard_the_case_of_every_letter() {
    let api = Api::start();
    api.create_device(json!({"name": "screen", "type": "Écran", "category": "ЭКРАНЫ"}));
    for query in [
        "type=%C3%89cran",
        "type=%C3%A9CRAN",
        "category=%D1%8D%D0%BA%D1%80%D0%B0%D0%BD%D1%8B",
    ] {
        let list = api.list(&format!("/devices?{query}"));
        assert_eq!(names(&list), ["screen"], "{query}");
    }
    // An accent is no matter of case.
    assert_eq!(api.list("/devices?type=ecran")["data"], json!([]));
}

#[test]
fn updated_since_an_instant_or_the_midnight_of_a_day() {
    let api = Api::start();
    let ids = create_named(&api, ["before", "at", "after"]);
    for (id, instant) in ids.iter().zip([
        "2026-01-30T23:59:59.999999Z",
        "2026-01-31T00:00:00Z",
        "2026-01-31T08:00:00Z",
    ]) {
        api.database.execute(&format!(
            "UPDATE devices SET created_at = '{instant}', updated_at = '{instant}' WHERE id = {id}"
        ));
    }
    for (since, expected) in [
        ("2026-01-31", vec!["after", "at"]),
        ("2026-01-30", vec!["after", "at", "before"]),
        ("2026-02-01", vec![]),
        ("2026-01-31T00:00:00Z", vec!["after", "at"]),
        ("2026-01-31T01:00:00%2B01:00", vec!["after", "at"]),
        ("2026-01-30T19:00:00-05:00", vec!["after", "at"]),
        ("2026-01-31T00:00:00.000001Z", vec!["after"]),
        ("2026-01-30T23:59:59.999999Z", vec!["after", "at", "before"]),
        ("2026-01-31T08:00:00Z", vec!["after"]),
        ("2026-01-31T08:00:01Z", vec![]),
    ] {
        let list = api.list(&format!("/devices?updated_since={since}"));
        assert_eq!(names(&list), expected, "{since}");
    }
}

#[test]
fn what_was_changed_since_an_answer_is_found_by_its_instant() {
    let api = Api::start();
    let ids = create_named(&api, ["one", "two", "three"]);
    let path = format!("/devices/{}", ids[0]);
    let patched = api.send("PATCH", &path, &json!({"color": "red"})).json();
    let instant = patched["data"]["updated_at"].as_str().unwrap();
    let instant = instant.replace('+', "%2B");
    let list = api.list(&format!("/devices?updated_since={instant}"));
    assert_eq!(names(&list), ["one"]);
}

#[test]
fn archived_devices_are_hidden_unless_they_are_asked_for() {
    let api = Api::start();
    let created = create_many(&api, 3);
    let path = format!("/devices/{}", created[1]);
    let deleted = api.ask("DELETE", &path).json();
    assert_eq!(
        names(&api.list("/devices")),
        ["device 3", "device 1"],
        "hidden"
    );
    assert_eq!(api.list("/devices")["meta"]["total"], 2);
    let archived = api.list("/devices?client_status=ARCHIVED");
    assert_eq!(archived["data"], json!([deleted["data"]]));
    assert_eq!(archived["data"][0]["client_status"], "ARCHIVED");
    assert_eq!(archived["meta"]["total"], 1);
}

#[test]
fn another_workspaces_devices_are_never_in_it() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let stranger = api.add_user("globex", "stranger@example.com");
    let row = json!({"name": "theirs", "user_id": stranger, "serial_number": "THEIRS-1"});
    api.create_device_as(&globex, row);
    create_named(&api, ["ours"]);
    let gone = api.create_device_as(&globex, json!({"name": "gone"}));
    let gone = api.ask_as(&globex, "DELETE", &format!("/devices/{gone}"));
    assert_eq!(gone.status, 200);

    for (query, expected) in [
        (String::new(), vec!["ours"]),
        (format!("user_id={stranger}"), vec![]),
        ("client_status=IN_SERVICE".to_owned(), vec![]),
        ("client_status=ARCHIVED".to_owned(), vec![]),
        ("serial_number=THEIRS-1".to_owned(), vec![]),
        ("type=laptop".to_owned(), vec!["ours"]),
        ("category=computers".to_owned(), vec!["ours"]),
        ("updated_since=2000-01-01".to_owned(), vec!["ours"]),
    ] {
        let list = api.list(&format!("/devices?{query}"));
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["meta"]["total"], expected.len(), "{query}");
    }
    let theirs = api.ask_as(&globex, "GET", "/devices").json();
    assert_eq!(names(&theirs), ["theirs"]);
}

#[test]
fn a_parameter_out_of_its_range_is_named() {
    let api = Api::start();
    let body = assert_reason(&api, "limit=0", "limit", "out_of_range");
    assert_eq!(
        body,
        json!({
            "error": "limit must be an integer from 1 to 100",
            "errors": [{
                "index": null, "pointer": "", "field": "limit", "code": "INVALID_PARAMETER",
                "reason": "out_of_range", "message": "limit must be an integer from 1 to 100",
            }],
            "errors_total": 1,
        })
    );
    assert_reason(&api, "limit=101", "limit", "out_of_range");
    for value in [
        "-1",
        "abc",
        "1.5",
        "",
        "%20",
        "1e1",
        "0x10",
        "%2B5",
        "+5",
        "5%00",
        "%D9%A5",
        "99999999999999999999",
        "-99999999999999999999",
    ] {
        assert_refused(&api, &format!("limit={value}"), &["limit"]);
    }
    assert_refused(&api, "limit", &["limit"]);
    for value in ["-1", "abc", "1.5", "", "9223372036854775808"] {
        assert_refused(&api, &format!("offset={value}"), &["offset"]);
    }
    for value in ["0", "-1", "abc", "1.5", "", "9223372036854775808"] {
        assert_refused(&api, &format!("user_id={value}"), &["user_id"]);
    }
}

#[test]
fn a_filter_that_nothing_could_pass_is_named() {
    let api = Api::start();
    for (field, values) in [
        (
            "client_status",
            vec!["available", "In_Service", "LOST", "IN%20SERVICE", ""],
        ),
        ("serial_number", vec!["", "N/A", "%C3%A9", "a%00b"]),
        ("type", vec!["a%00b"]),
        ("category", vec!["a%00b"]),
        (
            "updated_since",
            vec![
                "yesterday",
                "",
                "2026-13-01",
                "2026-02-30",
                "2026-01-31T08:00:00",
                "2026-01-31T25:00:00Z",
                "31.01.2026",
                "0000-01-01",
                "10000-01-01",
                "1769846400",
            ],
        ),
    ] {
        for value in values {
            assert_refused(&api, &format!("{field}={value}"), &[field]);
        }
    }
    assert_reason(
        &api,
        "client_status=available",
        "client_status",
        "not_in_enum",
    );
    let long = "x".repeat(256);
    assert_refused(&api, &format!("type={long}"), &["type"]);
    assert_refused(&api, &format!("category={long}"), &["category"]);
    assert_refused(&api, &format!("search={long}"), &["search"]);
    assert_refused(&api, "search=a%00b", &["search"]);
    assert_eq!(api.list("/devices?search=")["data"], json!([]));
    assert_eq!(api.list("/devices?search=%20%20")["data"], json!([]));
}

#[test]
fn no_device_has_an_empty_type_or_category() {
    let api = Api::start();
    // As with `serial_number=`: blank is nothing to search for, and no filter either.
    for query in ["type=", "type=%20", "category=", "category=%20"] {
        let (field, _) = query.split_once('=').unwrap();
        assert_refused(&api, query, &[field]);
    }
}

#[test]
fn a_parameter_is_given_once() {
    let api = Api::start();
    for (query, field) in [
        ("limit=5&limit=5", "limit"),
        ("limit=5&offset=1&limit=6", "limit"),
        ("limit=5&limit=5&limit=5", "limit"),
        ("offset=1&offset=1", "offset"),
        ("type=laptop&type=phone", "type"),
        (
            "client_status=AVAILABLE&client_status=IN_SERVICE",
            "client_status",
        ),
        ("user_id=1&user_id=1", "user_id"),
        ("search=a&search=b", "search"),
        ("li%6Dit=5&limit=5", "limit"),
        (
            "updated_since=2026-01-31&updated_since=2026-01-31",
            "updated_since",
        ),
    ] {
        assert_reason(&api, query, field, "repeated_field");
    }
}

#[test]
fn an_unknown_parameter_is_named_with_the_one_that_was_meant() {
    let api = Api::start();
    for (name, meant) in [
        ("limt", json!("limit")),
        ("serial", Value::Null),
        ("Limit", json!("limit")),
        ("serialnumber", json!("serial_number")),
        ("client-status", json!("client_status")),
        ("user_ids", json!("user_id")),
        ("updated_sinse", json!("updated_since")),
        ("zzzzzzzzzzzz", Value::Null),
    ] {
        let body = assert_reason(&api, &format!("{name}=1"), name, "unknown_field");
        if !meant.is_null() {
            assert_eq!(body["errors"][0]["did_you_mean"], meant, "{body}");
        }
        let message = body["error"].as_str().unwrap();
        assert_eq!(
            message.contains("did you mean"),
            body["errors"][0]["did_you_mean"].is_string(),
            "{message}"
        );
    }
    // Of an export.
    assert_reason(&api, "format=csv", "format", "unknown_field");
    // A name without an end is not repeated to its sender as a whole.
    let answer = api.ask("GET", &format!("/devices?{}=1", "x".repeat(5_000)));
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.len() < 2_000, "{}", answer.text);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let api = Api::start();
    assert_refused(
        &api,
        "limit=0&offset=-1&cursor=x&user_id=0&client_status=available&serial_number=N/A\
         &type=%00&category=%00&updated_since=yesterday&search=%00&page=2&type_=laptop",
        &[
            "limit",
            "offset",
            "cursor",
            "user_id",
            "client_status",
            "serial_number",
            "type",
            "category",
            "updated_since",
            "search",
            "page",
            "type_",
        ],
    );
}

#[test]
fn bytes_that_are_no_text_are_a_bad_parameter_or_no_device() {
    let api = Api::start();
    create_many(&api, 1);
    for query in [
        "type=%FF",
        "type=%",
        "type=%zz",
        "limit=%FF",
        "%FF=1",
        "&&",
        "=",
        "=1",
    ] {
        let answer = api.ask("GET", &format!("/devices?{query}"));
        assert!([200, 400].contains(&answer.status), "{query}: {answer:?}");
    }
    assert_refused(&api, "limit=%FF", &["limit"]);
    assert_eq!(names(&api.list("/devices?&&limit=1&")), ["device 1"]);
}

#[test]
fn a_cursor_that_was_changed_anywhere_is_refused() {
    let api = Api::start();
    create_many(&api, 3);
    let good = api.page("/devices?limit=1").cursor();
    assert_eq!(
        names(&api.list(&format!("/devices?cursor={good}"))).len(),
        2
    );
    for at in 0..good.len() {
        let old = good.as_bytes()[at];
        let new = if old == b'0' { "1" } else { "0" };
        let mut changed = good.clone();
        changed.replace_range(at..=at, new);
        assert_reason(&api, &format!("cursor={changed}"), "cursor", "malformed");
    }
    let upper = good.to_uppercase();
    for cursor in [
        "",
        "x",
        "0",
        "%00",
        "%C3%A9",
        "null",
        &good[1..],
        &good[..good.len() - 1],
        &format!("{good}0"),
        &format!("{good}{good}"),
        &format!("{good}%20"),
        &"0".repeat(good.len()),
        &"f".repeat(good.len()),
        // Two-byte characters across every place that it could be cut at.
        &format!("a{}", "%C3%A9".repeat(good.len() / 2)),
        &"%C3%A9".repeat(good.len() / 2),
    ] {
        assert_reason(&api, &format!("cursor={cursor}"), "cursor", "malformed");
    }
    if upper != good {
        assert_reason(&api, &format!("cursor={upper}"), "cursor", "malformed");
    }
}

#[test]
fn a_cursor_belongs_to_its_filters_its_list_and_its_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    create_many(&api, 3);
    api.create_devices_as(&globex, [json!({}), json!({})]);
    for number in 0..3 {
        api.add_user("acme", &format!("user{number}@example.com"));
    }

    let plain = api.page("/devices?limit=1").cursor();
    let filtered = api.page("/devices?limit=1&type=laptop").cursor();
    let of_users = api.page("/users?limit=1").cursor();
    for query in [
        format!("type=laptop&cursor={plain}"),
        format!("client_status=AVAILABLE&cursor={plain}"),
        format!("updated_since=2000-01-01&cursor={plain}"),
        format!("cursor={filtered}"),
        format!("type=phone&cursor={filtered}"),
        format!("type=laptop&category=computers&cursor={filtered}"),
        format!("cursor={of_users}"),
    ] {
        assert_reason(&api, &query, "cursor", "malformed");
    }
    assert_eq!(
        names(&api.list(&format!("/devices?type=laptop&cursor={filtered}"))).len(),
        2
    );
    let answer = api.ask_as(&globex, "GET", &format!("/devices?cursor={plain}"));
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(
        answer.reasons(),
        [(Value::Null, "cursor".to_owned(), "malformed".to_owned())]
    );
    // What is no cursor of this workspace is told in the same words, whoever's it is.
    let nobodys = api.ask_as(&globex, "GET", "/devices?cursor=x");
    assert_eq!(answer.text, nobodys.text);
}

#[test]
fn a_cursor_has_an_offset_of_its_own() {
    let api = Api::start();
    create_many(&api, 3);
    let good = api.page("/devices?limit=1").cursor();
    assert_refused(&api, &format!("cursor={good}&offset=1"), &["offset"]);
    // Generated clients send every default along.
    let answer = api.list(&format!("/devices?cursor={good}&limit=1&offset=0"));
    assert_eq!(answer["meta"]["offset"], 1);
}

#[test]
fn head_answers_like_get_without_the_body() {
    let api = Api::start();
    create_many(&api, 3);
    for path in [
        "/devices",
        "/devices?limit=1&offset=1",
        "/devices?limit=0",
        "/platform/v1/devices",
    ] {
        let (get, head) = (api.ask("GET", path), api.ask("HEAD", path));
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.text, "", "{path}");
        assert_eq!(head.stable_headers(), get.stable_headers(), "{path}");
    }
}

#[test]
fn a_read_key_is_enough() {
    let api = Api::start();
    create_many(&api, 1);
    let read = api.create_key("acme", "READ");
    for method in ["GET", "HEAD"] {
        for path in ["/devices", "/devices/1", "/devices/export"] {
            let answer = api.ask_as(&read, method, path);
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
            assert_eq!(send(api.request(method, path)).status, 401);
        }
    }
}

#[test]
fn under_the_vendors_prefix_the_links_keep_it() {
    let api = Api::start();
    create_many(&api, 5);
    let plain = api.page("/devices?limit=2");
    let prefixed = api.page("/platform/v1/devices?limit=2");
    assert_eq!(prefixed.json(), plain.json());
    let middle = api.page("/platform/v1/devices?limit=2&offset=2");
    for link in middle.links().values() {
        assert!(link.starts_with("/platform/v1/devices?"), "{link}");
        assert_eq!(api.ask("GET", link).status, 200, "{link}");
    }
    let next = &prefixed.links()["next"];
    assert_eq!(names(&api.list(next)), ["device 3", "device 2"]);
    let refused = api.ask("GET", "/platform/v1/devices?limit=0");
    assert_eq!(refused.text, api.ask("GET", "/devices?limit=0").text);
}
