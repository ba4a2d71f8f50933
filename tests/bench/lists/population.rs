//! The devices, users and enrolments of the workspace whose lists are measured.
//!
//! For each kind of filter there are values that few (five), 1 %, 10 % and all devices have, spread
//! evenly, and a type that only the oldest 2 % have.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{payload, run_executable};
use serde_json::{Value, json};

use super::ListApi;
use crate::{ceilings, execute};

pub(crate) const WORKSPACE: &str = "lists";

const BATCH: usize = 1_000;
const CLIENTS: usize = 4;

/// One of this many devices is archived.
const ARCHIVED_EVERY: usize = 500;

/// Size of the workspace.
pub(crate) struct Population {
    /// Number of devices, and of enrolments. There are a tenth as many users.
    pub(crate) devices: usize,
}

impl Population {
    fn users(&self) -> usize {
        (self.devices / 10).max(10)
    }

    /// Returns whether the device is one of five.
    fn is_one_of_few(&self, index: usize) -> bool {
        index % (self.devices / 5).max(1) == self.devices / 10
    }

    /// Returns whether the workspace has its devices.
    pub(crate) fn is_stored(&self, url: &str) -> bool {
        let devices = "SELECT count(*) FROM (SELECT FROM devices LIMIT $1) AS stored";
        let count = ceilings::connect(url).query_one(devices, &[&(self.devices as i64)]);
        let count: i64 = count.expect("the devices can be counted").get(0);
        count >= self.devices as i64
    }

    /// Creates the workspace, its users, and an enrolment per future device, of which every
    /// thousandth stays without one. Statements, because the API takes one at a time. The server
    /// counts them when it starts.
    pub(crate) fn insert_users_and_enrollments(&self, binary: &Path, url: &str) {
        eprintln!("inserting users and enrolments");
        let created = run_executable(binary, url, &["workspace", "create", WORKSPACE]);
        assert_eq!(created.code, 0, "{created:?}");
        let (users, devices) = (self.users(), self.devices);
        execute(
            url,
            &format!(
                "INSERT INTO users (workspace_id, id, email, email_folded, first_name, last_name, \
                                    search_document, updated_at) \
                 SELECT workspaces.id, number, email, email, first_name, last_name, \
                        to_tsvector('simple', email || ' ' || first_name || ' ' || last_name), \
                        now() - make_interval(secs => {users} - number) \
                 FROM workspaces, generate_series(1, {users}) AS number, LATERAL (SELECT \
                     'user' || number || '@example.com', 'Grace', \
                     CASE number WHEN 1 THEN 'Lovelace' WHEN 2 THEN 'Hopper' \
                                 ELSE 'Person' || number % 1000 END \
                 ) AS person (email, first_name, last_name)"
            ),
        );
        execute(
            url,
            &format!(
                "INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, \
                                          status, updated_at) \
                 SELECT workspaces.id, serial, serial, 'ENROLLED', \
                        now() - make_interval(secs => {devices} - number) \
                 FROM workspaces, generate_series(0, {devices} - 1) AS number, LATERAL (SELECT \
                     CASE number % 1000 WHEN 9 THEN 'X' ELSE 'R' END \
                         || upper(lpad(to_hex(number), 11, '0'))) AS device (serial)"
            ),
        );
        execute(url, "VACUUM ANALYZE users, devices_mdm");
    }

    /// Creates the devices through the API.
    pub(crate) fn create_devices(&self, api: &ListApi) {
        eprintln!("creating {} devices", self.devices);
        let (templates, next) = (payload::devices(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let first = next.fetch_add(BATCH, Ordering::Relaxed);
                        if first >= self.devices {
                            return;
                        }
                        let indexes = first..self.devices.min(first + BATCH);
                        let devices = indexes.map(|index| self.device(&templates, index));
                        let body = json!({ "devices": devices.collect::<Vec<_>>() });
                        let created = api.send("POST", "/devices", Some(body.to_string()));
                        assert_eq!(created.status, 201, "{}", created.text);
                    }
                });
            }
        });
    }

    fn device(&self, templates: &[Value], index: usize) -> Value {
        let is_few = self.is_one_of_few(index);
        // Value that few, 1 %, 10 % and all other devices have.
        let pick = |offset: usize, words: [&'static str; 4]| match index {
            _ if is_few => words[0],
            _ if index % 100 == offset => words[1],
            _ if index % 10 == (offset + 1) % 10 => words[2],
            _ => words[3],
        };
        let mut device = templates[index % templates.len()].clone();
        let is_old = index < self.devices / 50 && !is_few;
        let kind = pick(1, ["plotter", "projector", "phone", "laptop"]);
        device["type"] = json!(if is_old { "fax" } else { kind });
        device["category"] = json!("hardware");
        let serial = payload::serial(index as u64);
        device["asset_tag"] = json!(index.is_multiple_of(3).then(|| format!("IT-{serial}")));
        device["serial_number"] = json!(serial);
        device["user_id"] = match pick(11, ["3", "2", "1", "others"]) {
            "others" if index.is_multiple_of(3) => Value::Null,
            "others" => json!(4 + index % (self.users() - 4)),
            user => json!(user.parse::<u64>().unwrap_or(1)),
        };
        let lifecycle = pick(8, ["OUT_OF_SERVICE", "IN_MAINTENANCE", "", ""]);
        device["lifecycle"] = json!((!lifecycle.is_empty()).then_some(lifecycle));
        let mut tags = vec!["owned", pick(5, ["museum", "on loan", "pool", ""])];
        tags.retain(|tag| !tag.is_empty());
        device["tags"] = json!(tags);
        let site = pick(6, ["Oslo", "Rome", "Paris", "Lyon"]);
        device["attributes"] = json!({ "Owner": "company", "Site": site });
        let word = pick(7, ["zephyr", "calibrated", "refurbished", "standard"]);
        let half = ["alpha", "omega"][index % 2];
        device["comment"] = json!(format!("Inventory of the {site} office, {word} {half}"));
        device
    }
}

/// Archives devices through the API.
pub(crate) fn archive_devices(api: &ListApi, url: &str) {
    eprintln!("archiving one device in {ARCHIVED_EVERY}");
    let ids = "SELECT id FROM devices ORDER BY id";
    let rows = ceilings::connect(url).query(ids, &[]);
    let rows = rows.expect("the devices can be read");
    for row in rows.iter().skip(2).step_by(ARCHIVED_EVERY) {
        let id: i64 = row.get(0);
        let deleted = api.send("DELETE", &format!("/devices/{id}"), None);
        assert_eq!(deleted.status, 200, "{}", deleted.text);
    }
}

/// Waits until all devices are indexed, then vacuums the tables, as autovacuum would.
pub(crate) fn wait_for_index(url: &str) {
    let (started, mut client) = (Instant::now(), ceilings::connect(url));
    loop {
        let queued = client.query_one("SELECT count(*) FROM search_queue", &[]);
        let queued: i64 = queued.expect("the queue can be counted").get(0);
        if queued == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    eprintln!("indexed after {} s", started.elapsed().as_secs());
    execute(url, "VACUUM ANALYZE");
}
