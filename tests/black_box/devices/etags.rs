//! `ETag`, `If-None-Match` and `If-Match` of a device.

use devices_tests::{Api, race};
use serde_json::{Value, json};

use super::{get, new_path, report, tag};

#[test]
fn who_has_the_device_already_is_not_sent_it_again() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let old = tag(&api, &path);
    assert_eq!(tag(&api, &path), old, "it stays as long as the device does");
    let known = |tags: &str| api.ask_with("GET", &path, &[("If-None-Match", tags)]);
    let weak = format!("W/{old}");
    let listed = format!("\"other\", {old} , W/\"another\"");
    for tags in [old.as_str(), &weak, &listed, "*"] {
        let answer = known(tags);
        assert_eq!(answer.status, 304, "{tags}");
        assert_eq!(answer.text, "", "{tags}");
        assert_eq!(answer.header("etag"), old, "{tags}");
        assert!(!answer.header("x-request-id").is_empty(), "{tags}");
        let head = api.ask_with("HEAD", &path, &[("If-None-Match", tags)]);
        assert_eq!(head.status, 304, "{tags}");
    }
    let two_lines = [
        ("If-None-Match", "\"other\""),
        ("If-None-Match", old.as_str()),
    ];
    assert_eq!(api.ask_with("GET", &path, &two_lines).status, 304);
    for tags in ["\"other\"", "W/\"other\"", "\"\"", "\"a\", \"b\""] {
        let answer = known(tags);
        assert_eq!(answer.status, 200, "{tags}");
        assert_eq!(answer.header("etag"), old, "{tags}");
    }
    let patched = api.send("PATCH", &path, &json!({"color": "red"}));
    assert_ne!(patched.header("etag"), old);
    assert_eq!(known(&old).status, 200);
    assert_eq!(known(patched.header("etag")).status, 304);
}

#[test]
fn a_change_is_made_only_to_what_was_seen() {
    let api = Api::start();
    let path = new_path(&api, json!({"color": "red"}));
    let change = |tags: &str, color: &str| {
        let body = json!({ "color": color });
        api.send_with("PATCH", &path, &[("If-Match", tags)], &body)
    };
    let old = tag(&api, &path);
    let other = new_path(&api, json!({}));
    let of_another = tag(&api, &other);
    let weak = format!("W/{old}");
    for tags in ["\"other\"", "\"\"", &weak, &of_another, "\"a\", \"b\""] {
        let answer = change(tags, "blue");
        answer.assert_error(412, "PRECONDITION_FAILED");
        let answer = api.ask_with("DELETE", &path, &[("If-Match", tags)]);
        answer.assert_error(412, "PRECONDITION_FAILED");
    }
    assert_eq!(tag(&api, &path), old);

    let answer = change(&old, "blue");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let new = answer.header("etag").to_owned();
    assert_eq!(tag(&api, &path), new);
    change(&old, "green").assert_error(412, "PRECONDITION_FAILED");
    let answer = change(&format!("\"other\", {old},{new}"), "green");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(change("*", "white").status, 200);
    assert_eq!(get(&api, &path)["characteristics"]["color"], "white");

    let answer = api.ask_with("DELETE", &path, &[("If-Match", &new)]);
    answer.assert_error(412, "PRECONDITION_FAILED");
    assert_eq!(get(&api, &path)["client_status"], "AVAILABLE");
    let newest = tag(&api, &path);
    let answer = api.ask_with("DELETE", &path, &[("If-Match", &newest)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn the_tag_of_another_device_of_the_same_batch_does_not_hold() {
    let api = Api::start();
    api.create_devices([json!({}), json!({})]);
    let of_the_first = tag(&api, "/devices/1");
    assert_ne!(tag(&api, "/devices/2"), of_the_first);
    let headers = [("If-Match", of_the_first.as_str())];
    let body = json!({"color": "red"});
    let patched = api.send_with("PATCH", "/devices/2", &headers, &body);
    patched.assert_error(412, "PRECONDITION_FAILED");
    let deleted = api.ask_with("DELETE", "/devices/2", &headers);
    deleted.assert_error(412, "PRECONDITION_FAILED");
}

#[test]
fn tags_in_two_headers_are_one_list() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    let headers = [("If-Match", "\"other\""), ("If-Match", own.as_str())];
    let answer = api.send_with("PATCH", &path, &headers, &json!({"color": "red"}));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn an_if_match_that_cannot_be_read_is_a_bad_request() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    let bare = own.trim_matches('"').to_owned();
    let half_open = format!("\"{bare}");
    let beside = format!("{own}, nonsense");
    let mut otherwise = Vec::new();
    for tags in [
        "nonsense",
        &bare,
        &half_open,
        &beside,
        "*, \"a\"",
        "w/\"a\"",
        "\"a\" \"b\"",
        "'a'",
    ] {
        let headers = [("If-Match", tags)];
        let body = json!({"comment": format!("Changed for {tags}")});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let is_told = patched.status == 400 && patched.text.contains("If-Match");
        if !is_told {
            otherwise.push((tags, patched.status, patched.text));
        }
    }
    assert_eq!(otherwise, []);
}

#[test]
fn an_if_match_that_cannot_be_read_or_holds_nothing_changes_nothing() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    let bare = own.trim_matches('"');
    for tags in ["", ",", "nonsense", bare, "'a'", "W/*", "\"*\"", "**"] {
        let headers = [("If-Match", tags)];
        let body = json!({"color": "red"});
        let patched = api.send_with("PATCH", &path, &headers, &body);
        let deleted = api.ask_with("DELETE", &path, &headers);
        for answer in [patched, deleted] {
            assert!([400, 412].contains(&answer.status), "{tags}: {answer:?}");
        }
    }
    assert_eq!(tag(&api, &path), own);
}

#[test]
fn an_if_none_match_that_cannot_be_read_shows_the_device() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    let own = tag(&api, &path);
    for tags in ["", "nonsense", own.trim_matches('"'), "\"half"] {
        let answer = api.ask_with("GET", &path, &[("If-None-Match", tags)]);
        assert!([200, 400].contains(&answer.status), "{tags}: {answer:?}");
    }
}

#[test]
fn what_device_management_reports_is_new_to_readers_and_no_change_to_writers() {
    let api = Api::start();
    let path = new_path(&api, json!({"serial_number": "SN-100"}));
    let old = tag(&api, &path);
    let before = get(&api, &path);
    assert_eq!(before["mdm"], Value::Null);
    let reported = report(&api, "sn-100", "ENROLLED");
    assert_eq!(reported.status, 201, "{}", reported.text);

    let answer = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["mdm"]["status"], "ENROLLED");
    assert_ne!(answer.header("etag"), old);
    let body = json!({"color": "red"});
    let answer = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["mdm"]["status"], "ENROLLED");
    let answer = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    answer.assert_error(412, "PRECONDITION_FAILED");

    let old = tag(&api, &path);
    let reported = report(&api, "SN-100", "UNENROLLED");
    assert_eq!(reported.status, 200, "{}", reported.text);
    let answer = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(answer.json()["data"]["mdm"]["status"], "UNENROLLED");
    let answer = api.ask_with("DELETE", &path, &[("If-Match", &old)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["mdm"], Value::Null);
}

#[test]
fn another_name_of_the_assignee_is_new_to_readers_and_no_change_to_writers() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    let path = new_path(&api, json!({"user_id": ada}));
    let old = tag(&api, &path);
    let rename = json!({"first_name": "Ada", "last_name": "Lovelace-King"});
    let renamed = api.send("PATCH", &format!("/users/{ada}"), &rename);
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    let answer = api.ask_with("GET", &path, &[("If-None-Match", &old)]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["data"]["user"]["first_name"], "Ada");
    let body = json!({"color": "red"});
    let answer = api.send_with("PATCH", &path, &[("If-Match", &old)], &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[test]
fn of_two_changes_to_what_was_seen_exactly_one_is_made() {
    let api = Api::start();
    let path = new_path(&api, json!({}));
    for round in 0..10 {
        let seen = tag(&api, &path);
        let mut answers = race(2, |racer| {
            let who = ["one", "other"][racer];
            let body = json!({"comment": format!("Round {round} of {who}")});
            let answer = api.send_with("PATCH", &path, &[("If-Match", &seen)], &body);
            (answer.status, body["comment"].clone())
        });
        answers.sort_by_key(|(status, _)| *status);
        let statuses: Vec<_> = answers.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [200, 412]);
        assert_eq!(get(&api, &path)["comment"], answers[0].1);
    }
}
