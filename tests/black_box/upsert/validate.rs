//! `POST /devices/validate`: the same response as `POST /devices`, or its plan, and nothing stored.

use std::cell::RefCell;
use std::collections::BTreeSet;

use devices_tests::{Api, Response, device};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::post;

/// Returns a digest of the rows of each table that a write changes, and the value of each sequence.
fn stored(api: &Api) -> Vec<String> {
    // Jobs move the rows of other tables.
    let tables = ["devices", "device_events", "batches", "idempotency_keys"];
    let digest = |table: &&str| {
        let rows = format!(
            "SELECT coalesce(md5(string_agg(row::text, '|' ORDER BY row::text)), '') \
             FROM {table} AS row"
        );
        api.database.texts(&rows).concat()
    };
    let mut stored: Vec<String> = tables.iter().map(digest).collect();
    stored.extend(api.database.texts(
        "SELECT sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences ORDER BY 1",
    ));
    stored
}

/// Validates rows, and asserts that nothing was stored.
fn validate(api: &Api, query: &str, rows: &Value) -> Response {
    let before = stored(api);
    let response = post(api, &format!("/devices/validate?{query}"), rows);
    assert_eq!(stored(api), before, "{query}");
    response
}

#[test]
fn plan_states_the_effect_of_each_row() {
    let api = Api::start();
    let ada = api.add_user("acme", "ada@example.com");
    api.wait_for_startup_jobs();
    let known = json!({"serial_number": "S1", "client_purchase_price": "10.00"});
    api.create_devices([device(known), device(json!({"serial_number": "S2"}))]);
    let rows = json!([
        device(json!({"serial_number": "S3", "row_ref": "A-17"})),
        {"serial_number": "S1", "comment": "dock", "user_email": "ada@example.com",
         "client_purchase_price": "12,5"},
        {"serial_number": "S2"},
        {"serial_number": "S4", "row_ref": "A-20"},
    ]);
    let response = validate(&api, "on_conflict=update&atomic=false", &rows);
    assert_eq!(response.status, 200, "{}", response.text);
    assert_eq!(response.header("cache-control"), "no-store");
    let mut data = response.json()["data"].clone();
    let errors = data["plan"][3]["errors"].take();
    assert_eq!(errors.as_array().unwrap().len(), 3);
    let expected = json!({
        "rows": 4, "create": 1, "update": 1, "unchanged": 1, "skip": 0, "fail": 1,
        "plan": [
            {"index": 0, "row_ref": "A-17", "action": "create", "device_id": null},
            {"index": 1, "row_ref": null, "action": "update", "device_id": 1, "changes": {
                "comment": {"from": null, "to": "dock"},
                "user_id": {"from": null, "to": ada},
                "client_purchase_price": {"from": "10.00", "to": "12.50"},
            }},
            {"index": 2, "row_ref": null, "action": "unchanged", "device_id": 2},
            {"index": 3, "row_ref": "A-20", "action": "fail", "device_id": null, "errors": null},
        ],
    });
    assert_eq!(data, expected);
}

#[test]
fn idempotency_key_is_checked_and_ignored() {
    let api = Api::start();
    let body = json!({"devices": [device(json!({}))]});
    let path = "/devices/validate";
    let malformed = api.send_with("POST", path, &[("Idempotency-Key", "a b")], &body);
    assert_eq!(malformed.status, 400);
    for _ in 0..2 {
        let response = api.send_with("POST", path, &[("Idempotency-Key", "job-1")], &body);
        assert_eq!(response.status, 200);
    }
    assert_eq!(api.database.count("idempotency_keys"), 0);
    let posted = api.send_with("POST", "/devices", &[("Idempotency-Key", "job-1")], &body);
    assert_eq!(
        (posted.status, posted.header("idempotent-replayed")),
        (201, "")
    );
}

#[test]
fn rejections_have_the_same_bytes() {
    let api = Api::start();
    for (path, body) in [
        ("", "{"),
        ("", r#"{"devices":[]}"#),
        ("", r#"{"devices":[{}],"x":1}"#),
        ("?dry_run=true", "{}"),
        ("?on_conflict=update", r#"{"devices":[{"row_ref":1}]}"#),
        ("?atomic=false", r#"{"devices":3}"#),
    ] {
        let real = api.send_text("POST", &format!("/devices{path}"), body);
        let dry = api.send_text("POST", &format!("/devices/validate{path}"), body);
        assert_eq!(real.status, 400, "{path}: {}", real.text);
        assert_eq!((dry.status, &dry.text), (real.status, &real.text), "{path}");
    }
}

/// A row: serial number, asset tag, comment, user, and whether it is complete.
type Row = (u8, u8, Option<u8>, u8, bool);

fn row((serial, tag, comment, user, is_complete): Row) -> Value {
    let mut row = if is_complete {
        device(json!({}))
    } else {
        json!({})
    };
    let mut set = |name: &str, value: Value| row[name] = value;
    match serial {
        0 => {}
        1 => set("serial_number", json!("N/A")),
        2 => set("serial_number", json!(7)),
        number => set("serial_number", json!(format!("s{}", number % 12))),
    }
    if tag > 8 {
        set("asset_tag", json!(format!("t{}", tag % 5)));
    }
    match comment {
        Some(0) => set("comment", Value::Null),
        Some(number) => set("comment", json!(format!("comment {}", number % 3))),
        None => {}
    }
    match user {
        0 => set("user_id", json!(1)),
        1 => set("user_id", json!(99)),
        2 => set("user_email", json!("ada@example.com")),
        3 => set("type", json!("LAPTOP")),
        4 => set("type", json!("phone")),
        5 => set("row_ref", json!("A-1")),
        _ => {}
    }
    row
}

fn rows() -> impl Strategy<Value = Vec<Value>> {
    let row = (
        0..30_u8,
        0..12_u8,
        proptest::option::of(0..4_u8),
        0..12_u8,
        prop::bool::weighted(0.8),
    )
        .prop_map(row);
    prop::collection::vec(row, 1..6)
}

fn query() -> impl Strategy<Value = String> {
    let conflict = prop::sample::select(vec!["error", "skip", "update"]);
    let atomic = prop::bool::ANY;
    let rest = prop::sample::select(vec!["", "&nulls=clear", "&match=asset_tag"]);
    (conflict, atomic, rest).prop_map(|(conflict, atomic, rest)| {
        let rest = if conflict == "error" { "" } else { rest };
        format!("on_conflict={conflict}&atomic={atomic}{rest}")
    })
}

/// Asserts that the results of a batch are those of its plan.
fn assert_follows_plan(plan: &Value, response: &Response, case: &str) {
    let plan = plan["data"]["plan"].as_array().unwrap();
    if response.status == 201 {
        assert!(plan.iter().all(|row| row["action"] == "create"), "{case}");
        return;
    }
    let data = &response.json()["data"];
    let results = data["results"].as_array().unwrap();
    assert_eq!(plan.len(), results.len(), "{case}");
    for (planned, result) in plan.iter().zip(results) {
        let action = match result["result"].as_str().unwrap() {
            "created" => "create",
            "updated" => "update",
            "skipped" => "skip",
            "failed" => "fail",
            other => other,
        };
        assert_eq!(planned["action"], action, "{case}");
        assert_eq!(planned["row_ref"], result["row_ref"], "{case}");
        assert_eq!(planned.get("errors"), result.get("errors"), "{case}");
        if action != "create" {
            assert_eq!(planned["device_id"], result["device_id"], "{case}");
        }
        if action == "update" {
            let mut changed: Vec<_> = planned["changes"].as_object().unwrap().keys().collect();
            changed.sort();
            let mut fields: Vec<_> = result["changed_fields"].as_array().unwrap().clone();
            fields.sort_by_key(Value::to_string);
            assert_eq!(json!(changed), json!(fields), "{case}");
        }
    }
}

#[test]
fn validation_agrees_with_the_real_request() {
    let api = Api::start();
    api.wait_for_startup_jobs();
    api.add_user("acme", "ada@example.com");
    let limit = ["workspace", "limit", "acme", "--devices", "40"];
    assert_eq!(devices_tests::run(&api.database, &limit).code, 0);
    let batches = prop::collection::vec((query(), rows()), 1..4);
    let config = ProptestConfig {
        cases: 40,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let seen = RefCell::new(BTreeSet::new());
    proptest!(config, |(batches in batches)| {
        for (query, rows) in batches {
            let rows = json!(rows);
            let case = format!("{query} {rows}");
            let dry = validate(&api, &query, &rows);
            let real = post(&api, &format!("/devices?{query}"), &rows);
            if real.status != 400 {
                let results = real.json()["data"]["results"].as_array().cloned();
                let results = results.into_iter().flatten();
                let names = results.map(|row| row["result"].as_str().unwrap().to_owned());
                seen.borrow_mut().extend(names);
            }
            if dry.status == 200 {
                assert!([200, 201, 207].contains(&real.status), "{case}: {}", real.text);
                assert_follows_plan(&dry.json(), &real, &case);
            } else {
                assert_eq!((dry.status, &dry.text), (real.status, &real.text), "{case}");
            }
        }
    });
    // The generated batches reach every outcome.
    let seen: Vec<String> = seen.into_inner().into_iter().collect();
    assert_eq!(
        seen,
        ["created", "failed", "skipped", "unchanged", "updated"]
    );
}
