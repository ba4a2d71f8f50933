//! Conflicts with stored devices, duplicates in a batch, and races between batches.

use devices_tests::{Api, device, race, run};
use serde_json::{Value, json};

fn reason(index: usize, field: &str, reason: &str) -> (Value, String, String) {
    (json!(index), field.to_owned(), reason.to_owned())
}

#[test]
fn folded_serial_numbers_conflict() {
    let api = Api::start();
    assert_eq!(
        api.post(&json!([device(json!({"serial_number": "AB-12 x"}))]))
            .status,
        201
    );
    for equal in ["ab-12 X", "  AB-12 x  ", "ＡＢ－１２ ｘ", "AB-12\u{A0}x"] {
        let response = api.post(&json!([device(json!({"serial_number": equal}))]));
        assert_eq!(response.status, 400, "{equal}");
        let entry = &response.json()["errors"][0];
        assert_eq!(entry["reason"], "already_exists");
        assert_eq!(entry["existing_device_id"], 1);
    }
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn run_of_blanks_equals_one_blank() {
    let api = Api::start();
    let serial = |serial: &str| device(json!({"serial_number": serial}));
    let created = api.post(&json!([serial(" BZ  7e59aa"), serial("Q 1")]));
    assert_eq!(created.status, 201, "{}", created.text);
    let stored = &created.json()["data"]["devices"][0]["serial_number"];
    assert_eq!(stored, "BZ  7e59aa");
    let response = api.post(&json!([
        serial("bz 7e59aa"),
        serial("C  9"),
        serial("c \u{A0} 9")
    ]));
    assert_eq!(
        response.reasons(),
        [
            reason(0, "serial_number", "already_exists"),
            reason(2, "serial_number", "duplicate"),
        ]
    );
    let found = api.get_json("/devices?serial_number=BZ%207E59AA");
    assert_eq!(found["data"][0]["serial_number"], "BZ  7e59aa");
    for search in ["BZ%20%207e59aa", "bz%207E59"] {
        let found = api.get_json(&format!("/devices?search={search}"));
        assert_eq!(found["data"][0]["serial_number"], "BZ  7e59aa", "{search}");
    }
}

#[test]
fn duplicate_refers_to_first_row() {
    let api = Api::start();
    let serials = ["SN1", "SN2", "sn1", "ＳＮ１"];
    let rows: Vec<_> = serials
        .iter()
        .map(|serial| device(json!({"serial_number": serial})))
        .collect();
    let response = api.post(&json!(rows));
    assert_eq!(response.status, 400);
    let report = response.json();
    assert_eq!(report["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(
        report["errors"],
        json!([2, 3].map(|index| json!({
            "index": index,
            "pointer": format!("/devices/{index}/serial_number"),
            "field": "serial_number",
            "code": "INVALID_SERIAL_NUMBER",
            "reason": "duplicate",
            "message": format!("devices[{index}].serial_number is the same as in row 0 of this batch"),
            "duplicate_of": 0,
        })))
    );
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn all_kinds_of_errors_are_reported_together() {
    let api = Api::start();
    assert_eq!(
        api.post(&json!([device(json!({"serial_number": "TAKEN"}))]))
            .status,
        201
    );
    let response = api.post(&json!([
        device(json!({"serial_number": "taken"})),
        "not an object",
        device(json!({"name": "", "user_id": 4711, "serial_number": "TAKEN"})),
        device(json!({"serial_number": "none", "client_purchase_price": -1, "colour": "red"})),
        device(json!({"user_id": 4711})),
    ]));
    assert_eq!(response.status, 400);
    assert_eq!(
        response.reasons(),
        [
            reason(0, "serial_number", "already_exists"),
            reason(1, "", "wrong_type"),
            reason(2, "name", "required"),
            reason(2, "serial_number", "duplicate"),
            reason(2, "user_id", "unknown_user"),
            reason(2, "serial_number", "already_exists"),
            reason(3, "serial_number", "placeholder"),
            reason(3, "client_purchase_price", "wrong_type"),
            reason(3, "colour", "unknown_field"),
            reason(4, "user_id", "unknown_user"),
        ]
    );
    let report = response.json();
    assert_eq!(report["errors_total"], 10);
    assert_eq!(report["error"], "INVALID_SERIAL_NUMBER");
    assert_eq!(report["errors"][8]["did_you_mean"], "color");
    assert_eq!(api.database.count("devices"), 1);
}

#[test]
fn unknown_and_foreign_users_return_404() {
    let api = Api::start();
    api.create_workspace("globex");
    let foreign_user = api.add_user("globex", "stranger@example.com");
    let missing = foreign_user + 1;
    let post = |user: i64| {
        api.post(&json!([
            device(json!({})),
            device(json!({"user_id": user}))
        ]))
    };

    let response = post(missing);
    assert_eq!(response.status, 404);
    let report = response.json();
    assert_eq!(report["error"], "INVALID_USER");
    assert_eq!(report["errors"][0]["pointer"], "/devices/1/user_id");

    let foreign = post(foreign_user);
    assert_eq!(foreign.status, 404);
    let message_end = |user: i64| format!("workspace: {user}\"");
    let with_missing_id = foreign
        .text
        .replace(&message_end(foreign_user), &message_end(missing));
    assert_eq!(with_missing_id, response.text);

    let user = api.add_user("acme", "ada@example.com");
    api.database.execute("UPDATE users SET deleted_at = now()");
    assert_eq!(post(user).status, 404);
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn unknown_user_with_other_error_returns_400() {
    let api = Api::start();
    let response = api.post(&json!([device(json!({"user_id": 4711, "color": 1}))]));
    assert_eq!(response.status, 400);
}

#[test]
fn device_limit_is_enforced() {
    let api = Api::start();
    let limited = run(
        &api.database,
        &["workspace", "limit", "acme", "--devices", "3"],
    );
    assert_eq!(limited.code, 0, "{limited:?}");
    let two = json!([device(json!({})), device(json!({}))]);
    assert_eq!(api.post(&two).status, 201);
    let response = api.post(&two);
    assert_eq!(response.status, 400);
    let report = response.json();
    assert_eq!(report["error"], "DEVICE_PROVISIONING_FAILED");
    assert_eq!(report["errors"][0]["index"], Value::Null);
    assert_eq!(report["errors"][0]["reason"], "device_limit");
    assert_eq!(api.database.count("devices"), 2);
    assert_eq!(api.post(&json!([device(json!({}))])).status, 201);
}

#[test]
fn one_of_racing_batches_gets_serial_numbers() {
    const RACERS: usize = 4;
    const ROUNDS: usize = 10;
    let api = Api::start();
    for round in 0..ROUNDS {
        // Each batch has the shared serial numbers in another order, and one of its own.
        let batch = |racer: usize| {
            let own = device(json!({"serial_number": format!("own-{round}-{racer}")}));
            let mut rows: Vec<_> = (0..50)
                .map(|row| device(json!({"serial_number": format!("shared-{round}-{row}")})))
                .collect();
            rows.rotate_left(racer * 7);
            if racer % 2 == 1 {
                rows.reverse();
            }
            rows.push(own);
            json!(rows)
        };
        let responses = race(RACERS, |racer| api.post(&batch(racer)));
        let mut statuses: Vec<_> = responses.iter().map(|response| response.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 400, 400, 400]);
        for loser in responses.iter().filter(|response| response.status == 400) {
            let report = loser.json();
            assert_eq!(report["errors_total"], 50);
            assert_eq!(report["errors"][0]["reason"], "already_exists");
            assert!(report["errors"][0]["existing_device_id"].is_i64());
        }
        assert_eq!(api.database.count("devices"), (51 * (round + 1)) as u64);
    }
}

#[test]
fn one_of_racing_batches_fits_device_limit() {
    let api = Api::start();
    run(
        &api.database,
        &["workspace", "limit", "acme", "--devices", "5"],
    );
    let rows = json!(vec![device(json!({})); 5]);
    let mut statuses = race(4, |_| api.post(&rows).status);
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400]);
    assert_eq!(api.database.count("devices"), 5);
}
