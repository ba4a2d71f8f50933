//! The feed after a dump was restored.

use std::process::{Command, Stdio};

use devices_tests::{Api, Cluster, NotOnCluster, Server, ServerOptions, send};
use serde_json::json;

use super::{after, cursor, end_of_feed, events};

/// Dumps a database and restores it into another one, with the programs of this machine.
fn copy_dump(from: &str, to: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
    let output = Command::new(script).arg("bindir").output().unwrap();
    let directory = String::from_utf8(output.stdout).unwrap();
    let program = |name: &str| Command::new(format!("{}/{name}", directory.trim()));
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
    let api = Api::start();
    let ids: Vec<_> = (0..5).map(|_| api.create_device(json!({}))).collect();
    let page = api.page("/events?limit=2");
    // Two events are read, three are numbered, and one is not.
    let unread = api.create_device(json!({}));
    // A fresh server, whose transaction ids are far below those of the dumped one.
    let cluster = Cluster::create("feed");
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
