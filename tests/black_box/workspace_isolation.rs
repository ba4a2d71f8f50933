//! Never across: what a workspace is answered about another is what it is answered about nothing.

use devices_tests::{Answer, Api, device, run, send};
use diesel::connection::SimpleConnection;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

/// An operation that needs a key, as the description has it.
struct Operation {
    method: String,
    /// With places for ids, such as `/devices/{device_id}`.
    path: String,
    /// An example of a body, if it takes one.
    body: Value,
}

impl Operation {
    fn all() -> Vec<Self> {
        let description: Value =
            serde_yaml_ng::from_str(include_str!("../../openapi.yaml")).unwrap();
        let mut operations = Vec::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                // What says nothing of security has that of the whole description: a key.
                if !operation["operationId"].is_string() || !operation["security"].is_null() {
                    continue;
                }
                let content = &operation["requestBody"]["content"]["application/json"];
                let examples = content["examples"].as_object();
                let one = |them: &serde_json::Map<_, Value>| {
                    let minimal = them.get("minimal").or_else(|| them.values().next());
                    minimal.map(|example| example["value"].clone())
                };
                for prefix in ["", "/platform/v1"] {
                    let mut body = examples.and_then(one).unwrap_or_default();
                    if !body["email"].is_null() {
                        body["email"] = json!(format!("grace@example.com{}", prefix.len()));
                    }
                    operations.push(Self {
                        method: method.to_uppercase(),
                        path: format!("{prefix}{path}"),
                        body,
                    });
                }
            }
        }
        assert!(operations.len() >= 28, "{}", operations.len());
        operations
    }

    /// The path to things that are there, made for this.
    fn path(&self, api: &Api) -> String {
        let mut path = self.path.clone();
        if path.contains("{device_id}") {
            let made = api.create_device(json!({}));
            path = path.replace("{device_id}", &made.to_string());
        }
        if path.contains("{user_id}") {
            let email = format!("user{}@example.com", api.database.count("users"));
            let made = api
                .send("POST", "/users", &json!({ "email": email }))
                .json();
            path = path.replace("{user_id}", &made["data"]["id"].to_string());
        }
        if path.contains("{serial_number}") {
            let made = api.send(
                "PUT",
                "/mdm/enrollments/SN-1",
                &json!({"status": "ENROLLED"}),
            );
            assert!(made.status < 300, "{}", made.text);
            path = path.replace("{serial_number}", "SN-1");
        }
        path
    }

    fn request(&self, api: &Api, path: &str) -> RequestBuilder {
        let request = api.request(&self.method, path);
        match self.body.is_null() {
            true => request,
            false => request.json(&self.body),
        }
    }

    /// Whether a READ key is enough.
    fn reads(&self) -> bool {
        ["GET", "HEAD"].contains(&self.method.as_str())
    }
}

#[test]
fn every_operation_is_closed_to_every_key_but_one_that_works_and_is_allowed_to() {
    let api = Api::start();
    api.create_workspace("globex");
    let write = api.key.clone();
    let read = api.create_key("acme", "READ");
    let [revoked, expired] = [(); 2].map(|()| api.create_key("acme", "WRITE"));
    let of_another = api.create_key("globex", "WRITE");
    run(&api.database, &["key", "revoke", "3"]);
    api.database
        .execute("UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = 4");
    let truncated = write[..write.len() - 1].to_owned();
    // Of another installation, where it opens the workspace of the same number.
    let elsewhere = Api::start();
    let mistyped = of_another.replacen("fdk_2_", "fdk_1_", 1);
    let bearer = |key: &str| format!("Bearer {key}");

    api.add_user("acme", "ada@example.com");
    for operation in Operation::all() {
        let path = operation.path(&api);
        let method = &operation.method;
        let before = api.database.count("device_events");
        let in_query = format!("{path}?key={write}&access_token={write}");
        let ask_at = |path: &str, prepare: &dyn Fn(RequestBuilder) -> RequestBuilder| {
            send(prepare(operation.request(&api, path)))
        };
        let ask = |prepare: &dyn Fn(RequestBuilder) -> RequestBuilder| ask_at(&path, prepare);
        let with = |header: &str| ask(&|request| request.header("Authorization", header));
        let refused: [(&str, Answer); 13] = [
            ("no key", ask(&|request| request)),
            ("an empty header", with("")),
            ("a scheme alone", with("Bearer")),
            ("no scheme", with(&write)),
            ("another scheme", with(&format!("Basic {write}"))),
            ("no key of ours", with("Bearer hunter2hunter2")),
            ("an unknown key", with(&bearer(&elsewhere.key))),
            (
                "a key with another workspace in it",
                with(&bearer(&mistyped)),
            ),
            ("a truncated key", with(&bearer(&truncated))),
            ("a revoked key", with(&bearer(&revoked))),
            ("an expired key", with(&bearer(&expired))),
            (
                "two headers",
                ask(&|request| request.bearer_auth(&write).bearer_auth(&write)),
            ),
            ("a key in the query", ask_at(&in_query, &|request| request)),
        ];
        for (case, answer) in refused {
            let case = format!("{method} {path} with {case}");
            assert_eq!(answer.status, 401, "{case}: {}", answer.text);
            assert_eq!(answer.text, r#"{"error":"UNAUTHORIZED"}"#, "{case}");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{case}");
        }
        let answer = with(&bearer(&read));
        match operation.reads() {
            true => assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text),
            false => {
                assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text);
                assert_eq!(answer.text, r#"{"error":"INSUFFICIENT_SCOPE"}"#);
            }
        }
        // Nothing was done: whatever is done leaves an event.
        assert_eq!(
            api.database.count("device_events"),
            before,
            "{method} {path}"
        );
        // A key of another workspace finds nothing of this one.
        let answer = with(&bearer(&of_another));
        if operation.path.contains("_id}") {
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
            assert_eq!(
                api.database.count("device_events"),
                before,
                "{method} {path}"
            );
        }
        let answer = with(&bearer(&write));
        assert!(answer.status < 300, "{method} {path}: {}", answer.text);
    }
}

#[test]
fn another_workspaces_user_is_told_like_one_that_does_not_exist_byte_by_byte() {
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
    let of_nobody = batches.each_ref().map(|batch| api.post(batch).comparable());
    assert_eq!(api.add_user("globex", "stranger@example.com"), next);
    let of_a_stranger = batches.each_ref().map(|batch| api.post(batch).comparable());
    assert_eq!(of_nobody, of_a_stranger);
    assert_eq!(api.database.count("devices"), 0);
}

#[test]
fn another_workspaces_devices_enrolments_and_idempotency_keys_are_as_if_there_were_none() {
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
    // Numbers are given over all workspaces.
    beside
        .database
        .execute("ALTER SEQUENCE devices_id_seq RESTART");
    let (expected, got) = (post(&alone, &alone.key), post(&beside, &beside.key));
    assert_eq!(got.comparable(), expected.comparable());
    assert_eq!(expected.created()[0]["mdm"], Value::Null);
    let linked = beside.list("/mdm/enrollments?linked=true");
    assert_eq!(linked["meta"]["total"], 0);
}

#[test]
fn the_database_itself_refuses_what_points_into_another_workspace() {
    let api = Api::start();
    api.create_workspace("globex");
    let stranger = api.add_user("globex", "stranger@example.com");
    let refusal = |statement: &str| {
        let said = api.database.connect().batch_execute(statement);
        said.err()
            .map_or_else(String::new, |error| error.to_string())
    };
    let insert = |workspace: i64| {
        format!(
            "INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
             connection_type, user_id) VALUES ({workspace}, 'a', 'b', 'c', false, '{{}}', '{{}}', {stranger})"
        )
    };
    assert_eq!(refusal(&insert(2)), "");
    let event = "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids)
                 VALUES (2, 'CREATED', 1, 'r', '{1}')";
    let bucket = "INSERT INTO rate_limits VALUES (2, 1, 1, true, now())";
    for (statement, constraint) in [
        (insert(1).as_str(), "devices_user_fkey"),
        (event, "device_events_key_fkey"),
        (bucket, "rate_limits_key_fkey"),
    ] {
        let said = refusal(statement);
        assert!(said.contains(constraint), "{statement}: {said:?}");
    }
}
