//! The devices, users and enrolments of the workspace whose lists are measured.
//!
//! For each kind of filter there are values that few (five), 1 %, 10 % and all devices have, spread
//! evenly, and a type that only the oldest 2 % have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_tests::payload;
use serde_json::{Value, json};

use super::LargeWorkspace;
use crate::index_queue::queued;
use crate::postgres_server::execute;
use crate::references::connect;
use crate::subject::workspace_id;

pub(crate) const WORKSPACE: &str = "large";

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
        let Some(workspace) = workspace_id(url, WORKSPACE) else {
            return false;
        };
        let devices = "SELECT count(*) FROM devices WHERE workspace_id = $1";
        let count = connect(url).query_one(devices, &[&workspace]);
        let count: i64 = count.expect("the devices can be counted").get(0);
        count >= self.devices as i64
    }

    /// Creates users, and an enrolment per future device, of which every thousandth stays without
    /// one. Statements, because the API takes one at a time. The server counts them when it starts.
    pub(crate) fn insert_users_and_enrollments(&self, url: &str) {
        eprintln!("inserting users and enrolments");
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
                 ) AS person (email, first_name, last_name) \
                 WHERE workspaces.name = '{WORKSPACE}'"
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
                         || upper(lpad(to_hex(number), 11, '0'))) AS device (serial) \
                 WHERE workspaces.name = '{WORKSPACE}'"
            ),
        );
        execute(url, "VACUUM ANALYZE users, devices_mdm");
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

impl LargeWorkspace {
    /// Creates the devices through the API.
    pub(super) fn create_devices(&self) {
        let population = &self.population;
        eprintln!("creating {} devices", population.devices);
        let (templates, next) = (payload::devices(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    loop {
                        let first = next.fetch_add(BATCH, Ordering::Relaxed);
                        if first >= population.devices {
                            return;
                        }
                        let indexes = first..population.devices.min(first + BATCH);
                        let devices = indexes.map(|index| population.device(&templates, index));
                        let body = json!({ "devices": devices.collect::<Vec<_>>() });
                        let created = self.send("POST", "/devices", Some(body.to_string()));
                        assert_eq!(created.status, 201, "{}", created.text);
                    }
                });
            }
        });
    }

    /// Archives devices through the API.
    pub(super) fn archive_devices(&self) {
        eprintln!("archiving one device in {ARCHIVED_EVERY}");
        let ids = "SELECT id FROM devices WHERE workspace_id = $1 ORDER BY id";
        let rows = connect(&self.url).query(ids, &[&self.id]);
        let rows = rows.expect("the devices can be read");
        for row in rows.iter().skip(2).step_by(ARCHIVED_EVERY) {
            let id: i64 = row.get(0);
            let deleted = self.send("DELETE", &format!("/devices/{id}"), None);
            assert_eq!(deleted.status, 200, "{}", deleted.text);
        }
    }

    /// Waits until all devices are indexed, then vacuums the tables, as autovacuum would.
    pub(super) fn wait_for_index(&self) {
        let (started, mut client) = (Instant::now(), connect(&self.url));
        while queued(&mut client) > 0 {
            std::thread::sleep(Duration::from_millis(200));
        }
        eprintln!("indexed after {} s", started.elapsed().as_secs());
        execute(&self.url, "VACUUM ANALYZE");
    }
}
