//! `GET /users`.

use devices_tests::{Api, percent_encode};
use serde_json::{Value, json};

use super::{create, emails};

#[test]
fn users_are_listed_newest_first() {
    let api = Api::start();
    let all: Vec<String> = (0..7).map(|n| format!("user{n}@acme.test")).collect();
    for email in &all {
        create(&api, email, json!({}));
    }
    let newest_first: Vec<&str> = all.iter().rev().map(String::as_str).collect();
    let list = api.get_json("/users");
    assert_eq!(emails(&list), newest_first);
    assert_eq!(list["meta"], json!({"total": 7, "limit": 50, "offset": 0}));

    let list = api.get_json("/users?limit=2&offset=3");
    assert_eq!(emails(&list), newest_first[3..5]);
    assert_eq!(list["meta"], json!({"total": 7, "limit": 2, "offset": 3}));
    let beyond = api.get_json("/users?offset=7");
    assert_eq!(beyond["data"], json!([]));
    assert_eq!(beyond["meta"]["total"], 7);

    for prefix in ["", "/platform/v1"] {
        let first = api.call("GET", &format!("{prefix}/users?limit=3"));
        assert_eq!(first.link("prev"), None);
        let mut seen = Vec::new();
        for response in api.pages(&format!("{prefix}/users?limit=3")) {
            let list = response.json();
            assert_eq!(list["meta"]["total"], 7);
            seen.extend(emails(&list).into_iter().map(str::to_owned));
            let start = response.link("first").unwrap();
            assert_eq!(api.get_json(&start), first.json());
        }
        assert_eq!(seen, newest_first);
    }
    let middle = api.call("GET", "/users?limit=2&offset=3");
    let previous = middle.link("prev").unwrap();
    assert_eq!(emails(&api.get_json(&previous)), newest_first[1..3]);
}

#[test]
fn user_cursor_survives_concurrent_changes() {
    let api = Api::start();
    for n in 0..6 {
        create(&api, &format!("user{n}@acme.test"), json!({}));
    }
    let first = api.call("GET", "/users?limit=2");
    assert_eq!(
        emails(&first.json()),
        ["user5@acme.test", "user4@acme.test"]
    );
    create(&api, "late@acme.test", json!({}));
    assert_eq!(api.call("DELETE", "/users/5").status, 200);
    assert_eq!(api.call("DELETE", "/users/4").status, 200);
    let second = api.get_json(&first.link("next").unwrap());
    assert_eq!(emails(&second), ["user2@acme.test", "user1@acme.test"]);
}

#[test]
fn invalid_user_list_parameter_is_rejected() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "READ");
    for n in 0..3 {
        create(&api, &format!("user{n}@acme.test"), json!({}));
    }
    let first = api.call("GET", "/users?limit=1");
    let next = first.link("next").unwrap();
    let cursor = first.next_cursor();
    let (prefix, last) = cursor.split_at(cursor.len() - 1);
    let tampered = format!("{prefix}{}", if last == "0" { "1" } else { "0" });
    for (query, field, reason) in [
        ("limit=0".to_owned(), "limit", "out_of_range"),
        ("limit=101".to_owned(), "limit", "out_of_range"),
        ("limit=-1".to_owned(), "limit", "out_of_range"),
        ("limit=ten".to_owned(), "limit", "malformed"),
        ("limit=".to_owned(), "limit", "malformed"),
        ("limit=1.5".to_owned(), "limit", "malformed"),
        (
            "limit=99999999999999999999".to_owned(),
            "limit",
            "out_of_range",
        ),
        ("offset=-1".to_owned(), "offset", "out_of_range"),
        ("offset=x".to_owned(), "offset", "malformed"),
        ("limit=1&limit=1".to_owned(), "limit", "repeated_field"),
        ("cursor=x".to_owned(), "cursor", "malformed"),
        ("cursor=".to_owned(), "cursor", "malformed"),
        (format!("cursor={tampered}"), "cursor", "malformed"),
        (
            format!("cursor={cursor}&search=user"),
            "cursor",
            "malformed",
        ),
        ("user_id=1".to_owned(), "user_id", "unknown_field"),
        (format!("search={}", "x".repeat(256)), "search", "too_long"),
        ("search=a%00b".to_owned(), "search", "control_character"),
    ] {
        let response = api.call("GET", &format!("/users?{query}"));
        let body = response.assert_parameters_rejected(&[field], &query);
        assert_eq!(body["errors"][0]["reason"], reason, "{query}");
    }
    let both = api.call("GET", &format!("/users?limit=1&offset=1&cursor={cursor}"));
    assert_eq!(both.status, 400);
    assert_eq!(both.json()["errors"][0]["field"], "offset");
    let foreign = api.call_as(&globex, "GET", &next);
    assert_eq!(foreign.status, 400, "{}", foreign.text);
    assert_eq!(foreign.json()["errors"][0]["field"], "cursor");
    let misspelled = api.call("GET", "/users?serch=x&limit=0");
    assert_eq!(misspelled.json()["errors_total"], 2);
    assert_eq!(misspelled.json()["errors"][1]["did_you_mean"], "search");
}

#[test]
fn user_search_matches_word_prefixes() {
    let api = Api::start();
    create(
        &api,
        "zoe.martin@acme.test",
        json!({"first_name": "Zoé", "last_name": "Martin"}),
    );
    create(
        &api,
        "anders@acme.test",
        json!({"first_name": "Anders", "last_name": "Ørsted"}),
    );
    create(
        &api,
        "h.strasse@acme.test",
        json!({"first_name": "Hans", "last_name": "Straße"}),
    );
    let search_users = |search: &str| {
        let list = api.get_json(&format!("/users?search={}", percent_encode(search)));
        assert_eq!(
            list["meta"]["total"],
            list["data"].as_array().unwrap().len()
        );
        emails(&list)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let zoe = ["zoe.martin@acme.test"];
    for search in [
        "zo",
        "zoe",
        "ZOÉ",
        "Zoe\u{301}",
        "mart",
        "martin zo",
        "zoe.martin@acme.test",
        "zoe.m",
    ] {
        assert_eq!(search_users(search), zoe, "{search}");
    }
    for search in ["orsted", "Ørst", "ORSTED", "ander ors"] {
        assert_eq!(search_users(search), ["anders@acme.test"], "{search}");
    }
    for search in ["straße", "STRASSE", "strass hans"] {
        assert_eq!(search_users(search), ["h.strasse@acme.test"], "{search}");
    }
    assert_eq!(search_users("acme").len(), 3);
    for search in ["artin", "zoe orsted", "& | !", "%", "_"] {
        assert_eq!(search_users(search), [""; 0], "{search}");
    }
    assert_eq!(api.get_json("/users?search=")["meta"]["total"], 3);
    assert_eq!(api.get_json("/users?search=+")["meta"]["total"], 3);
    let patch = json!({"first_name": "Chloé"});
    assert_eq!(api.send("PATCH", "/users/1", &patch).status, 200);
    assert_eq!(search_users("chloe"), zoe);
    assert_eq!(
        search_users("zoe"),
        zoe,
        "the email address still contains the old name"
    );
    let pages = api.call("GET", "/users?search=acme&limit=2");
    let rest = api.get_json(&pages.link("next").unwrap());
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
}

#[test]
fn updated_since_lists_changed_users() {
    let api = Api::start();
    let ada = create(&api, "ada@acme.test", json!({}));
    let alan = create(&api, "alan@acme.test", json!({}));
    create(&api, "grace@acme.test", json!({}));
    api.database.execute(
        "UPDATE users SET updated_at = '2026-01-01T08:00:00Z';
         UPDATE users SET updated_at = '2026-01-02T08:00:00Z' WHERE email LIKE 'grace%'",
    );
    let all = ["grace@acme.test", "alan@acme.test", "ada@acme.test"];
    for (query, expected) in [
        ("updated_since=2026-01-01", &all[..]),
        ("updated_since=2026-01-01T08:00:00Z", &all),
        ("updated_since=2026-01-01T09:00:00+01:00", &all),
        ("updated_since=2026-01-01T08:00:00.000001Z", &all[..1]),
        ("updated_since=2026-01-02T08:00:00Z&search=grace", &all[..1]),
        ("updated_since=2026-01-02T08:00:00Z&search=ada", &[]),
        ("updated_since=2026-01-03", &[]),
    ] {
        let list = api.get_json(&format!("/users?{query}"));
        assert_eq!(emails(&list), expected, "{query}");
        assert_eq!(list["meta"]["total"], expected.len(), "{query}");
    }
    // A patch without changes and an assignment are no changes of the user.
    let id = |user: &Value| user["id"].as_i64().unwrap();
    let path = format!("/users/{}", id(&ada));
    let unchanged = api.send("PATCH", &path, &json!({"email": "ada@acme.test"}));
    assert_eq!(unchanged.status, 200);
    api.create_device(json!({"user_email": "ada@acme.test"}));
    let since = "/users?updated_since=2026-01-03";
    assert_eq!(api.get_json(since)["data"], json!([]));
    api.send("PATCH", &path, &json!({"first_name": "Ada"}));
    assert_eq!(emails(&api.get_json(since)), ["ada@acme.test"]);
    create(&api, "new@acme.test", json!({}));
    api.call("DELETE", &format!("/users/{}", id(&alan)));
    assert_eq!(
        emails(&api.get_json(since)),
        ["new@acme.test", "ada@acme.test"]
    );
    let pages = format!("{since}&limit=1");
    let seen: Vec<_> = api
        .pages(&pages)
        .map(|page| page.json()["data"][0]["id"].clone())
        .collect();
    assert_eq!(seen.len(), 2);
    for value in ["", "yesterday", "2026-01-03T08:00:00"] {
        let path = format!("/users?updated_since={value}");
        api.call("GET", &path)
            .assert_parameters_rejected(&["updated_since"], &path);
    }
}
