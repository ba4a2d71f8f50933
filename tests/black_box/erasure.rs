//! Erasure of a user: `user erase`.

use std::time::Duration;

use devices_tests::{Api, CommandOutput, Response, TestDatabase, device, run};
use serde_json::{Value, json};

const EMAIL: &str = "Zephyrine.Quill@Heliograph.test";

/// Distinctive parts of every personal value of the user.
const TRACES: [&str; 8] = [
    "zephyrine",
    "quill",
    "heliograph.test",
    "5550199",
    "ruritania",
    "volapük",
    "lamplighter",
    "1987-06-05",
];

fn create_user(api: &Api) -> i64 {
    let user = json!({
        "email": EMAIL, "first_name": "Zephyrine", "last_name": "Quill", "phone": "+1 5550199",
        "phone_country": "Ruritania", "language": "Volapük", "position": "Lamplighter",
        "role": "ADMIN", "arrival_date": "1987-06-05", "departure_date": "2031-01-01",
    });
    let created = api.send("POST", "/users", &user);
    assert_eq!(created.status, 201, "{}", created.text);
    created.json()["data"]["id"].as_i64().unwrap()
}

fn post_with_key(api: &Api, key: &str, fields: Value) -> Response {
    let headers = [("Idempotency-Key", key)];
    let body = json!({"devices": [device(fields)]});
    let response = api.send_with("POST", "/devices", &headers, &body);
    assert_eq!(response.status, 201, "{}", response.text);
    response
}

fn put_enrollment(api: &Api, serial_number: &str, local_name: &str) {
    let path = format!("/mdm/enrollments/{serial_number}");
    let body = json!({"status": "ENROLLED", "local_name": local_name});
    let response = api.send("PUT", &path, &body);
    assert_eq!(response.status, 201, "{}", response.text);
}

fn erase(database: &TestDatabase, arguments: &[&str]) -> CommandOutput {
    let command = ["user", "erase", "--workspace", "acme"];
    run(database, &[&command, arguments].concat())
}

fn erase_ok(database: &TestDatabase, arguments: &[&str]) -> Value {
    let output = erase(database, &[arguments, &["--yes", "--json"]].concat());
    assert_eq!(output.code, 0, "{output:?}");
    output.json()
}

/// Returns the places in which one of the traces is stored: `table` for a row, and `statistics of
/// table` for the statistics of the query planner. Reads every column of every table as text.
fn places(database: &TestDatabase) -> Vec<String> {
    let tables = database.texts(
        "SELECT relname FROM pg_class WHERE relkind = 'r' \
         AND relnamespace = 'public'::regnamespace ORDER BY relname",
    );
    assert!(tables.len() > 10, "{tables:?}");
    let mut places = Vec::new();
    for table in tables {
        // The text of a row shows bytes in hexadecimal.
        let bytes = database.texts(&format!(
            "SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass \
             AND atttypid = 'bytea'::regtype"
        ));
        let bytes: Vec<_> = bytes
            .iter()
            .map(|column| format!("|| encode({column}, 'escape')"))
            .collect();
        for trace in TRACES {
            let found = database.count(&format!(
                "{table} AS stored WHERE lower(stored::text {}) LIKE '%{trace}%'",
                bytes.join("")
            ));
            if found > 0 {
                places.push(table.clone());
            }
            let found = database.count_on_all_nodes(&format!(
                "pg_stats WHERE tablename ~ '^{table}(_[0-9]+)?$' AND lower(concat(most_common_vals, \
                 histogram_bounds, most_common_elems)) LIKE '%{trace}%'"
            ));
            if found > 0 {
                places.push(format!("statistics of {table}"));
            }
        }
    }
    places.dedup();
    places
}

/// A user with traces in every table, and what an erasure must keep.
struct Traces {
    user: i64,
    /// Archived device that was assigned to the user.
    archived: Value,
    /// Response that does not name the user. Its key is `kept`.
    kept: Response,
}

fn store_traces(api: &Api) -> Traces {
    for number in 0..3 {
        api.add_user("acme", &format!("other{number}@example.com"));
    }
    let user = create_user(api);
    put_enrollment(api, "SN-1", "Zephyrine's laptop");
    put_enrollment(api, "SN-2", "Quill's phone");
    put_enrollment(api, "SN-3", "LAB-3");
    let active = json!({"serial_number": "SN-1", "user_id": user});
    post_with_key(api, "active", active);
    let archived = json!({"serial_number": "SN-2", "user_email": EMAIL});
    let archived = post_with_key(api, "archived", archived).created_devices()[0]["id"].clone();
    let deleted = api.call("DELETE", &format!("/devices/{archived}"));
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    let named = post_with_key(api, "named", json!({"comment": "Ask zephyrine quill"}));
    // Texts of the workspace are reported, and not changed.
    let named = named.created_devices()[0]["id"].clone();
    let patched = api.send(
        "PATCH",
        &format!("/devices/{named}"),
        &json!({"comment": null}),
    );
    assert_eq!(patched.status, 200, "{}", patched.text);
    post_with_key(api, "zephyrine.quill@heliograph.test", json!({}));
    let kept = post_with_key(api, "kept", json!({"serial_number": "SN-3"}));
    Traces {
        user,
        archived,
        kept,
    }
}

#[test]
fn erased_user_leaves_no_trace() {
    let api = Api::start();
    let Traces { user, .. } = store_traces(&api);
    // The statistics of an empty table stay, so the queue must be empty before they are collected.
    while api.database.count("search_queue") > 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    api.database.execute("ANALYZE");
    let before = places(&api.database);
    for place in [
        "devices_mdm",
        "idempotency_keys",
        "users",
        "statistics of users",
    ] {
        let is_found = before.iter().any(|found| found == place);
        assert!(is_found, "{place}: {before:?}");
    }
    let erased = erase_ok(
        &api.database,
        &["zephyrine.QUILL@heliograph.test", "--unassign"],
    );
    assert_eq!(
        erased,
        json!({
            "erased_users": [user], "unassigned_devices": 1, "archived_devices": 1,
            "enrollments": 2, "responses": 4, "is_vacuumed": true,
            "mentioned_in": {"devices": [], "enrollments": [], "users": [], "keys": []},
        })
    );
    assert_eq!(places(&api.database), Vec::<String>::new());
    for column in ["devices WHERE user_id", "search_documents WHERE user_id"] {
        let rows = api.database.count(&format!("{column} = {user}"));
        assert_eq!(rows, 0, "{column}");
    }
    assert_eq!(api.call("GET", &format!("/users/{user}")).status, 404);
    assert_eq!(api.get_json("/users?search=zephyrine")["data"], json!([]));
    // The address is free, and its new owner has another id.
    assert_ne!(create_user(&api), user);
}

#[test]
fn user_with_devices_is_erased_only_on_request() {
    let api = Api::start();
    let Traces { user, .. } = store_traces(&api);
    let refused = erase(&api.database, &[EMAIL, "--yes"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("assigned to the user: 1. ")
            && refused.stderr.contains("--unassign"),
        "{refused:?}"
    );
    assert_eq!(api.call("GET", &format!("/users/{user}")).status, 200);
}

#[test]
fn archived_device_loses_its_erased_user() {
    let api = Api::start();
    let Traces { user, archived, .. } = store_traces(&api);
    let stored = api.get_json(&format!("/devices?client_status=ARCHIVED&user_id={user}"));
    let stored = stored["data"][0].clone();
    assert_eq!(stored["user"]["last_name"], "Quill");
    erase_ok(&api.database, &[EMAIL, "--unassign"]);
    let device = api.get_json(&format!("/devices/{archived}"))["data"].clone();
    assert_eq!(
        (&device["user"], &device["user_id"]),
        (&Value::Null, &Value::Null)
    );
    assert_ne!(device["updated_at"], stored["updated_at"]);
}

#[test]
fn unrelated_responses_survive_erasure() {
    let api = Api::start();
    let Traces { kept, .. } = store_traces(&api);
    erase_ok(&api.database, &[EMAIL, "--unassign"]);
    let replayed = post_with_key(&api, "kept", json!({"serial_number": "SN-3"}));
    assert_eq!(replayed.text, kept.text);
    let counted = "SELECT sum(change) FROM (
                       SELECT resource, count AS change FROM usage_counts
                       UNION ALL SELECT resource, change FROM usage_changes
                   ) AS change WHERE resource = 'response_bytes'";
    assert_eq!(api.database.texts(counted), [kept.text.len().to_string()]);
}

#[test]
fn erasure_is_in_the_audit_trail() {
    let api = Api::start();
    let user = create_user(&api);
    put_enrollment(&api, "SN-1", "Zephyrine's laptop");
    let id = api.create_device(json!({"serial_number": "SN-1", "user_id": user}));
    let erased = erase_ok(&api.database, &[&user.to_string(), "--unassign"]);
    assert_eq!(erased["unassigned_devices"], 1);
    let events = api.all_events();
    let commands = events.iter().filter(|event| !event["operator"].is_null());
    let summary: Vec<_> = commands
        .skip(2)
        .map(|event| {
            let subject = ["device_ids", "enrollment_id", "user_id"].map(|name| &event[name]);
            (&event["action"], subject, &event["fields"])
        })
        .collect();
    let (none, null) = (json!([]), Value::Null);
    let devices = json!([id]);
    let (one, updated, user) = (json!(1), json!("UPDATED"), json!(user));
    assert_eq!(
        summary,
        [
            (&updated, [&none, &one, &null], &json!(["local_name"])),
            (&updated, [&devices, &null, &null], &json!(["user_id"])),
            (&json!("DELETED"), [&none, &null, &user], &none),
            (&json!("ERASED"), [&none, &null, &user], &none),
        ]
    );
    assert_eq!(places(&api.database), Vec::<String>::new());
}

#[test]
fn deleted_users_with_the_address_are_erased() {
    let api = Api::start();
    let first = create_user(&api);
    assert_eq!(api.call("DELETE", &format!("/users/{first}")).status, 200);
    let second = create_user(&api);
    let erased = erase_ok(&api.database, &[EMAIL]);
    assert_eq!(erased["erased_users"], json!([first, second]));
    assert_eq!(places(&api.database), Vec::<String>::new());
}

#[test]
fn erasure_can_be_repeated() {
    let api = Api::start();
    let user = create_user(&api).to_string();
    let other = api.add_user("acme", "other@example.com").to_string();
    erase_ok(&api.database, &[&user]);
    assert_eq!(erase_ok(&api.database, &[&user])["erased_users"], json!([]));
    // A typing error must not look like a success.
    for unknown in ["zephyrine@heliograph.test", "4711"] {
        let output = erase(&api.database, &[unknown, "--yes"]);
        assert_eq!(output.code, 1, "{output:?}");
        assert!(!output.stderr.contains("zephyrine"), "{output:?}");
    }
    assert_eq!(api.call("GET", &format!("/users/{other}")).status, 200);
}

#[test]
fn erasure_requires_confirmation() {
    let api = Api::start();
    let user = create_user(&api).to_string();
    // The standard input of the tests is no terminal.
    let output = erase(&api.database, &[&user]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("--yes"), "{output:?}");
    assert_eq!(api.call("GET", &format!("/users/{user}")).status, 200);
    let text = erase(&api.database, &[&user, "--yes"]).stdout;
    assert!(
        text.starts_with(&format!("Erased user {user}.\n  0 unassigned")),
        "{text}"
    );
}

#[test]
fn texts_that_name_the_user_are_reported() {
    let api = Api::start();
    let user = create_user(&api);
    let ids = api.create_devices([
        json!({"comment": "was ZEPHYRINE QUILL's"}),
        json!({"attributes": {"owner": EMAIL}}),
        json!({"tags": ["+1 5550199"]}),
        json!({"comment": "a quill"}),
    ]);
    put_enrollment(&api, "SN-9", "Quill, Zephyrine");
    let erased = erase_ok(&api.database, &[&user.to_string()]);
    let mentioned = &erased["mentioned_in"];
    assert_eq!(mentioned["devices"], json!(ids[..3]));
    assert_eq!(mentioned["enrollments"], json!([1]));
    let enrollment = api.get_json("/mdm/enrollments/SN-9");
    assert_eq!(enrollment["data"]["local_name"], "Quill, Zephyrine");
}
