//! Reader that follows the event feed of a workspace while faults are injected.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use devices_tests::Cluster;
use rand::RngExt;
use serde_json::Value;

use crate::client::Client;

/// Thread that follows the feed from its first event, with a cursor. Ends when this is dropped.
pub(crate) struct FeedReader {
    shared: Arc<Shared>,
    thread: JoinHandle<Feed>,
}

#[derive(Debug)]
struct Shared {
    /// Address of the server, which changes when the server is started again.
    address: Mutex<String>,
    /// Ends the thread at the end of the feed.
    stop: AtomicBool,
}

/// Events that were read, in order.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    events: Vec<Event>,
    /// Number of requests that failed and were repeated with the same cursor.
    repeated: usize,
    /// Status that no fault explains. The reader stops there.
    failed: Option<u16>,
}

#[derive(Debug)]
struct Event {
    id: i64,
    kind: String,
    devices: Vec<i64>,
}

impl Event {
    /// Reads an event. A malformed one gets an id that no event has.
    fn of(event: &Value) -> Self {
        let devices = event["device_ids"].as_array().into_iter().flatten();
        let id = event["id"].as_str().and_then(|id| id.parse().ok());
        Self {
            id: id.unwrap_or(-1),
            kind: event["type"].as_str().unwrap_or_default().to_owned(),
            devices: devices.filter_map(Value::as_i64).collect(),
        }
    }
}

impl FeedReader {
    pub(crate) fn start(client: &Client, address: &str) -> Self {
        let shared = Arc::new(Shared {
            address: Mutex::new(address.to_owned()),
            stop: AtomicBool::new(false),
        });
        let (client, state) = (client.clone(), Arc::clone(&shared));
        let thread = std::thread::spawn(move || follow(&client, &state));
        Self { shared, thread }
    }

    pub(crate) fn set_address(&self, address: &str) {
        let mut current = self.shared.address.lock().expect("no thread panics");
        address.clone_into(&mut current);
    }

    /// Returns all events. Nothing may write meanwhile.
    pub(crate) fn finish(self) -> Feed {
        let Self { shared, thread } = self;
        shared.stop.store(true, Ordering::SeqCst);
        thread.join().expect("the reader does not panic")
    }
}

fn follow(client: &Client, shared: &Arc<Shared>) -> Feed {
    let mut feed = Feed::default();
    let mut after = String::new();
    // The other reference is that of the reader.
    while Arc::strong_count(shared) > 1 {
        let is_last = shared.stop.load(Ordering::SeqCst);
        let address = shared.address.lock().expect("no thread panics").clone();
        let limit = rand::rng().random_range(1..=200);
        let path = format!("/events?limit={limit}{after}");
        let request = client.request("GET", &address, &path);
        let request = if is_last {
            request
        } else {
            request.header("Prefer", "wait=1")
        };
        let response = request.send();
        let status = response
            .as_ref()
            .map_or(0, |response| response.status().as_u16());
        let page = response.and_then(reqwest::blocking::Response::json::<Value>);
        match (status, page) {
            (200, Ok(page)) => {
                let events = page["data"].as_array().into_iter().flatten();
                feed.events.extend(events.map(Event::of));
                let cursor = page["meta"]["cursor"].as_str().unwrap_or_default();
                after = format!("&after={cursor}");
                if is_last && page["meta"]["has_more"] == false {
                    return feed;
                }
            }
            (0 | 200 | 503, _) => {
                feed.repeated += 1;
                // The server is being started again.
                std::thread::sleep(Duration::from_millis(10));
            }
            (status, _) => {
                feed.failed = Some(status);
                return feed;
            }
        }
    }
    feed
}

impl Feed {
    /// Checks that every event of the workspace was read once, in the order of the positions, and
    /// that the events of each device have the order of its changes. Returns a line for the
    /// summary.
    pub(crate) fn check(&self, cluster: &Cluster, workspace: &str) -> Result<String, String> {
        let from = format!(
            "device_events WHERE workspace_id = \
             (SELECT id FROM workspaces WHERE name = '{workspace}')"
        );
        let stored = format!("SELECT '' AS word, id AS number FROM {from} ORDER BY feed_position");
        let stored = cluster.query(&stored).into_iter().map(|row| row.number);
        let stored: Vec<i64> = stored.collect();
        let read: Vec<i64> = self.events.iter().map(|event| event.id).collect();
        let summary = format!(
            "event feed:      {} of {} events read, {} requests repeated",
            read.len(),
            stored.len(),
            self.repeated
        );
        if let Some(status) = self.failed {
            return Err(format!("{summary}; a request got {status}"));
        }
        if read != stored {
            let differing = read
                .iter()
                .zip(&stored)
                .position(|(read, stored)| read != stored);
            return Err(format!(
                "{summary}; not those of the table, from {differing:?} on"
            ));
        }
        match self.first_out_of_order() {
            None => Ok(summary),
            Some(event) => Err(format!("{summary}; out of order: {event:?}")),
        }
    }

    /// Returns the first event of a device that does not follow from its earlier ones: a device is
    /// created, updated any number of times, and archived.
    fn first_out_of_order(&self) -> Option<&Event> {
        let mut last_kinds: HashMap<i64, &str> = HashMap::new();
        self.events.iter().find(|event| {
            event.devices.iter().any(|device| {
                let last = last_kinds.insert(*device, &event.kind);
                !match event.kind.as_str() {
                    "device.created" => last.is_none(),
                    "device.updated" | "device.archived" => {
                        matches!(last, Some("device.created" | "device.updated"))
                    }
                    _ => false,
                }
            })
        })
    }
}
