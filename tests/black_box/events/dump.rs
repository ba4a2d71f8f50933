//! The feed after a dump was restored.

use std::process::{Command, Stdio};

use devices_tests::{Api, Cluster, NotOnCluster, Server, ServerOptions, report_skipped, send};
use serde_json::json;

use super::{after, cursor, end_of_feed, events};

/// Returns the command of a program of PostgreSQL on this machine.
fn program(name: &str) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
    let output = Command::new(script).arg("bindir").output().unwrap();
    let directory = String::from_utf8(output.stdout).unwrap();
    Command::new(format!("{}/{name}", directory.trim()))
}

/// Returns whether `pg_dump` is at least as new as the server, as it requires.
fn can_dump(cluster: &Cluster) -> bool {
    let output = program("pg_dump").arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let version = text.split_whitespace().find_map(|word| {
        let major = word.split('.').next()?;
        major.parse::<i64>().ok()
    });
    let settings = "pg_settings WHERE name = 'server_version_num'";
    let server = cluster.query(&format!(
        "SELECT name AS word, setting::bigint / 10000 AS number FROM {settings}"
    ));
    version.unwrap() >= server[0].number
}

/// Dumps a database and restores it into another one.
fn copy_dump(from: &str, to: &str) {
    let mut dump = program("pg_dump")
        .args(["--no-owner", "--no-privileges", from])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let restored = program("psql")
        .args(["--quiet", "--set=ON_ERROR_STOP=1", to])
        .stdin(dump.stdout.take().unwrap())
        .stdout(Stdio::null())
        .status();
    assert!(restored.unwrap().success());
    assert!(dump.wait().unwrap().success());
}

#[test]
fn cursor_stays_valid_after_dump_and_restore() {
    if NotOnCluster::CopiesDatabase.skips() {
        return;
    }
    // A fresh server, whose transaction ids are far below those of the dumped one.
    let cluster = Cluster::create("feed");
    if !can_dump(&cluster) {
        report_skipped("pg_dump is older than the server");
        return;
    }
    let api = Api::start();
    let ids: Vec<_> = (0..5).map(|_| api.create_device(json!({}))).collect();
    let page = api.page("/events?limit=2");
    // Two events are read, three are numbered, and one is not.
    let unread = api.create_device(json!({}));
    cluster.execute("CREATE ROLE fleet_devices_serving_devices LOGIN SUPERUSER");
    copy_dump(api.database.url(), cluster.url());
    let options = ServerOptions::with("DEVICES__DATABASE__URL", cluster.url());
    let restored = Server::start_with(&api.database, &options);
    let client = reqwest::blocking::Client::new();
    let get = |path: &str| send(client.get(restored.url(path)).bearer_auth(&api.key));
    let page = get(&after(&cursor(&page)));
    let devices: Vec<_> = events(&page)
        .iter()
        .map(|event| event["device_ids"][0].as_i64().unwrap())
        .collect();
    assert_eq!(devices, [&ids[2..], &[unread]].concat());
    let body = json!({"devices": [devices_tests::device(json!({}))]});
    let post = client.post(restored.url("/devices")).bearer_auth(&api.key);
    assert_eq!(send(post.json(&body)).status, 201);
    assert_eq!(events(&get(&after(&cursor(&page)))).len(), 1);
    // The original feed is not affected.
    assert_eq!(end_of_feed(&api), cursor(&page));
}
