//! Secrets of keys: returned once, and neither stored, logged nor measured.

use serde_json::json;

use super::{Keys, data, id_and_secret};

#[test]
fn secret_is_only_in_its_response() {
    let keys = Keys::start();
    let (id, created) = keys.create_scope("READ");
    let path = format!("/keys/{id}/rotate");
    let rotated = keys.send("POST", &path, &json!({"overlap": "1h"}));
    let request = rotated.header("x-request-id").to_owned();
    let (_, rotated) = id_and_secret(&data(&rotated, 201));
    let revoked = keys.call("DELETE", &format!("/keys/{id}"));
    let responses = [
        keys.call("GET", "/keys").text,
        keys.call("GET", "/events").text,
        revoked.text,
        keys.api.server.metrics(),
    ];
    keys.api.server.access_log_entry(&request);
    // The log level is `trace`: the log contains the SQL statements.
    let log = keys.api.server.log_lines();
    let is_insert = |line: &String| line.contains("INSERT INTO") && line.contains("api_keys");
    assert!(log.iter().any(is_insert));
    let tables = keys.api.database.texts(
        "SELECT relname FROM pg_class \
         WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    );
    let rows = tables.iter().flat_map(|table| {
        let rows = format!("SELECT stored::text FROM {table} AS stored");
        keys.api.database.texts(&rows)
    });
    let outputs: Vec<String> = rows.chain(log).chain(responses).collect();
    for secret in [created, rotated] {
        let random = secret.rsplit('_').next().unwrap();
        let leaked = outputs.iter().find(|text| text.contains(random));
        assert!(leaked.is_none(), "{leaked:?}");
    }
}
