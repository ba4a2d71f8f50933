//! Isolation of workspaces: a response about data of another workspace equals one about missing
//! data.

use devices_tests::{Api, Response, device, run, send};
use diesel::connection::SimpleConnection;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use crate::operations::Operation;

#[test]
fn operations_reject_unauthorized_keys() {
    let api = Api::start();
    api.create_workspace("globex");
    let write = api.key.clone();
    let read = api.create_key("acme", "READ");
    let [revoked, expired] = [(); 2].map(|()| api.create_key("acme", "WRITE"));
    let foreign = api.create_key("globex", "WRITE");
    let admins = ["acme", "globex"].map(|workspace| api.create_key(workspace, "ADMIN"));
    run(&api.database, &["key", "revoke", "3"]);
    api.database
        .execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = 4");
    let truncated = write[..write.len() - 1].to_owned();
    // A key of another installation, for the workspace with the same id.
    let elsewhere = Api::start();
    let altered = foreign.replacen("fdk_2_", "fdk_1_", 1);
    let bearer = |key: &str| format!("Bearer {key}");

    api.add_user("acme", "ada@example.com");
    for operation in Operation::all() {
        let path = operation.create_path(&api);
        let method = &operation.method;
        let [allowed, allowed_elsewhere] = if operation.is_administration() {
            [&admins[0], &admins[1]]
        } else {
            [&write, &foreign]
        };
        let before = operation.count_events(&api);
        let path_with_key = format!("{path}?key={write}&access_token={write}");
        let send_to = |path: &str, prepare: &dyn Fn(RequestBuilder) -> RequestBuilder| {
            send(prepare(operation.request(&api, path)))
        };
        let send_with =
            |prepare: &dyn Fn(RequestBuilder) -> RequestBuilder| send_to(&path, prepare);
        let with_header =
            |header: &str| send_with(&|request| request.header("Authorization", header));
        let rejected: [(&str, Response); 13] = [
            ("no key", send_with(&|request| request)),
            ("an empty header", with_header("")),
            ("a scheme alone", with_header("Bearer")),
            ("no scheme", with_header(&write)),
            ("another scheme", with_header(&format!("Basic {write}"))),
            ("a malformed key", with_header("Bearer hunter2hunter2")),
            ("an unknown key", with_header(&bearer(&elsewhere.key))),
            (
                "a key with another workspace in it",
                with_header(&bearer(&altered)),
            ),
            ("a truncated key", with_header(&bearer(&truncated))),
            ("a revoked key", with_header(&bearer(&revoked))),
            ("an expired key", with_header(&bearer(&expired))),
            (
                "two headers",
                send_with(&|request| request.bearer_auth(&write).bearer_auth(&write)),
            ),
            (
                "a key in the query",
                send_to(&path_with_key, &|request| request),
            ),
        ];
        for (case, response) in rejected {
            let case = format!("{method} {path} with {case}");
            assert_eq!(response.status, 401, "{case}: {}", response.text);
            assert_eq!(response.text, r#"{"error":"UNAUTHORIZED"}"#, "{case}");
            assert_eq!(response.header("www-authenticate"), "Bearer", "{case}");
        }
        let response = with_header(&bearer(&read));
        if operation.is_read() {
            assert_eq!(response.status, 200, "{method} {path}: {}", response.text);
        } else {
            assert_eq!(response.status, 403, "{method} {path}: {}", response.text);
            assert_eq!(response.text, r#"{"error":"INSUFFICIENT_SCOPE"}"#);
        }
        if operation.is_administration() {
            let response = with_header(&bearer(&write));
            response.assert_error(403, "INSUFFICIENT_SCOPE");
        }
        // Every change writes an event. No new event means that nothing was changed.
        assert_eq!(operation.count_events(&api), before, "{method} {path}");
        // With a key of another workspace the resource does not exist.
        let response = with_header(&bearer(allowed_elsewhere));
        if operation.path_template.contains("_id}") {
            assert_eq!(response.status, 404, "{method} {path}: {}", response.text);
            assert_eq!(operation.count_events(&api), before, "{method} {path}");
        }
        let response = with_header(&bearer(allowed));
        assert!(response.status < 300, "{method} {path}: {}", response.text);
    }
}

#[test]
fn foreign_user_is_reported_as_unknown() {
    let api = Api::start();
    api.create_workspace("globex");
    let own = api.add_user("acme", "ada@example.com");
    let next = own + 1;
    let batches = [
        json!([device(json!({"user_id": next}))]),
        json!([
            device(json!({"user_id": next})),
            device(json!({"user_id": own, "color": 1}))
        ]),
        json!([device(json!({"user_id": next, "serial_number": "None"}))]),
    ];
    let for_missing_user = batches.each_ref().map(|batch| api.post(batch).comparable());
    assert_eq!(api.add_user("globex", "stranger@example.com"), next);
    let for_foreign_user = batches.each_ref().map(|batch| api.post(batch).comparable());
    assert_eq!(for_missing_user, for_foreign_user);
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn foreign_data_does_not_affect_responses() {
    let alone = Api::start();
    let beside = Api::start();
    beside.create_workspace("globex");
    let globex = beside.create_key("globex", "WRITE");
    let post = |api: &Api, key: &str| {
        let request = api.request("POST", "/devices").bearer_auth(key);
        let row = device(json!({"serial_number": "SN-1"}));
        let request = request.header("Idempotency-Key", "nightly-import");
        send(request.json(&json!({ "devices": [row] })))
    };
    beside.database.execute(
        "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status)
         VALUES (2, 'SN-1', 'SN-1', 'ENROLLED')",
    );
    assert_eq!(post(&beside, &globex).status, 201);
    // All workspaces share the sequences of ids.
    for sequence in ["devices_id_seq", "device_events_id_seq"] {
        alone.set_next_id(sequence, 1_000);
        beside.set_next_id(sequence, 1_000);
    }
    let (expected, actual) = (post(&alone, &alone.key), post(&beside, &beside.key));
    assert_eq!(actual.comparable(), expected.comparable());
    assert_eq!(expected.created_devices()[0]["mdm"], Value::Null);
    let linked = beside.get_json("/mdm/enrollments?linked=true");
    assert_eq!(linked["meta"]["total"], 0);
}

#[test]
fn rows_match_no_foreign_devices() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let fields = json!({"serial_number": "SN-1", "asset_tag": "IT-1"});
    let theirs = api.create_device_as(&globex, fields);
    let their_path = format!("/devices/{theirs}");
    let before = api.call_as(&globex, "GET", &their_path).comparable();
    for query in [
        "on_conflict=update",
        "on_conflict=update&match=asset_tag",
        "on_conflict=skip",
        "on_conflict=skip&match=asset_tag&atomic=false",
    ] {
        let ours = json!({"serial_number": "SN-1", "asset_tag": "IT-1", "comment": "Ours"});
        let batch = json!({ "devices": [device(ours)] });
        let plan = api.send("POST", &format!("/devices/validate?{query}"), &batch);
        let expected = json!([
            {"index": 0, "row_ref": null, "action": "create", "device_id": null}
        ]);
        assert_eq!(plan.json()["data"]["plan"], expected, "{query}");
        let stored = api.send("POST", &format!("/devices?{query}"), &batch);
        assert_eq!(stored.json()["data"]["batch"]["created"], 1, "{query}");
        // The next batch creates the device again.
        let undo = format!("{}/undo", stored.header("location"));
        assert_eq!(api.call("POST", &undo).status, 200, "{query}");
    }
    let after = api.call_as(&globex, "GET", &their_path).comparable();
    assert_eq!(after, before);
}

#[test]
fn foreign_ids_in_queries_match_nothing() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    let created = api.post(&json!([device(json!({}))]));
    let batch = created.header("location").replace("/batches/", "");
    let as_globex = |path: String| {
        let response = api.call_as(&globex, "GET", &path);
        assert_eq!(response.status, 200, "{path}: {}", response.text);
        response.text
    };
    for (path, id) in [
        ("/devices?batch_id=", batch.as_str()),
        ("/devices/export?batch_id=", batch.as_str()),
        ("/batches?key_id=", "1"),
    ] {
        let [foreign, unknown] = [id, "987654"].map(|id| as_globex(format!("{path}{id}")));
        assert_eq!(foreign, unknown, "{path}");
    }
    assert_eq!(
        api.get_json(&format!("/devices?batch_id={batch}"))["meta"]["total"],
        1
    );
}

#[test]
fn foreign_cursor_equals_a_changed_one() {
    let api = Api::start();
    api.create_workspace("globex");
    let globex = api.create_key("globex", "WRITE");
    api.create_device(json!({}));
    let page = api.get_json("/events");
    let cursor = page["meta"]["cursor"].as_str().unwrap();
    let changed: String = cursor.chars().rev().collect();
    let [foreign, changed] = [cursor, &changed].map(|cursor| {
        let response = api.call_as(&globex, "GET", &format!("/events?after={cursor}"));
        assert_eq!(response.status, 400, "{}", response.text);
        response.comparable()
    });
    assert_eq!(foreign, changed);
    assert_eq!(
        api.call_as(&globex, "GET", "/events").json()["data"],
        json!([])
    );
}

#[test]
fn database_rejects_foreign_references() {
    let api = Api::start();
    api.create_workspace("globex");
    let stranger = api.add_user("globex", "stranger@example.com");
    let error_of = |statement: &str| {
        let result = api.database.connect().batch_execute(statement);
        result
            .err()
            .map_or_else(String::new, |error| error.to_string())
    };
    let insert = |workspace: i64| {
        format!(
            "INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
             connection_type, user_id) VALUES ({workspace}, 'a', 'b', 'c', false, '{{}}', '{{}}', {stranger})"
        )
    };
    assert_eq!(error_of(&insert(2)), "");
    let event = "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids)
                 VALUES (2, 'CREATED', 1, 'r', '{1}')";
    let audit_event = "INSERT INTO audit_events (workspace_id, action, key_id, request_id)
                       VALUES (2, 'EXPORTED', 1, 'r')";
    let bucket = "INSERT INTO rate_limits VALUES (2, 1, 1, true, now())";
    api.post(&json!([device(json!({}))]));
    let batch = "INSERT INTO batches
                 SELECT 2, id, 'skip', true, 1, 1, 0, 0, 0, 0 FROM device_events";
    for (statement, constraint) in [
        (insert(1).as_str(), "devices_user_fkey"),
        (event, "device_events_key_fkey"),
        (audit_event, "audit_events_key_fkey"),
        (bucket, "rate_limits_key_fkey"),
        (batch, "batches_event_fkey"),
    ] {
        let error = error_of(statement);
        assert!(error.contains(constraint), "{statement}: {error:?}");
    }
}
