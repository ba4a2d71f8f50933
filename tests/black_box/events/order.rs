//! The order of the feed while many clients write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use devices_tests::{Api, Server, ServerOptions, TIMEOUT, device, send};
use serde_json::{Value, json};

use super::{after, cursor, events};

const WRITERS: usize = 32;

/// A client of one of two servers.
struct Client<'a> {
    http: reqwest::blocking::Client,
    server: &'a Server,
    key: &'a str,
}

impl Client<'_> {
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = self.server.url(path);
        let request = self.http.request(method.parse().unwrap(), url);
        let response = send(request.bearer_auth(self.key).json(body));
        assert!(response.status < 300, "{path}: {}", response.text);
        response.json()["data"].clone()
    }

    /// Changes a device, a user and an enrolment, each several times. Returns the number of
    /// events.
    fn write(&self, writer: usize) -> usize {
        let serial = format!("SN{writer}");
        let row = device(json!({ "serial_number": serial }));
        let created = self.send(
            "POST",
            "/devices",
            &json!({ "devices": [row, device(json!({}))] }),
        );
        let path = format!("/devices/{}", created["devices"][0]["id"]);
        for color in ["red", "green"] {
            self.send("PATCH", &path, &json!({ "color": color }));
        }
        let row = json!({"serial_number": serial, "color": "blue"});
        let update = "/devices?on_conflict=update";
        self.send("POST", update, &json!({ "devices": [row] }));
        let email = format!("user{writer}@example.com");
        let user = self.send("POST", "/users", &json!({ "email": email }));
        self.send("PATCH", &path, &json!({"user_id": user["id"]}));
        let enrollment = format!("/mdm/enrollments/{serial}");
        for status in ["ENROLLED", "UNENROLLED"] {
            self.send("PUT", &enrollment, &json!({ "status": status }));
        }
        self.send("DELETE", &enrollment, &json!({}));
        self.send("DELETE", &path, &json!({}));
        self.send("POST", &format!("{path}/restore"), &json!({}));
        self.send("PATCH", &path, &json!({"user_id": null}));
        self.send("DELETE", &format!("/users/{}", user["id"]), &json!({}));
        13
    }
}

/// Follows the feed until all writers have ended and every event was read.
fn follow(api: &Api, written: &AtomicUsize, active: &AtomicUsize) -> Vec<Value> {
    let (mut all, mut path) = (Vec::new(), "/events".to_owned());
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let is_last = active.load(Ordering::SeqCst) == 0;
        let page = api.call_with("GET", &path, &[("Prefer", "wait=1")]);
        all.extend(events(&page));
        path = after(&cursor(&page));
        if is_last && page.json()["meta"]["has_more"] == false {
            assert_eq!(all.len(), written.load(Ordering::SeqCst));
            return all;
        }
        assert!(Instant::now() < deadline, "{} events", all.len());
    }
}

/// Asserts that the events of each subject have the order in which its changes were made.
fn assert_causal(all: &[Value]) {
    let mut by_subject = BTreeMap::<_, Vec<_>>::new();
    for event in all {
        let kind = event["type"].as_str().unwrap();
        let (subject, action) = kind.split_once('.').unwrap();
        let ids = match subject {
            "device" => event["device_ids"].as_array().unwrap().clone(),
            "user" => vec![event["user_id"].clone()],
            _ => vec![event["enrollment_id"].clone()],
        };
        for id in ids {
            let events = by_subject.entry(format!("{subject} {id}")).or_default();
            events.push(format!("{action}{}", event["fields"]));
        }
    }
    let device = "created[] updated[\"color\"] updated[\"color\"] updated[\"color\"] \
                  updated[\"user_id\"] archived[] restored[] updated[\"user_id\"]";
    for (subject, events) in by_subject {
        let expected = match subject.split(' ').next() {
            Some("device") if events.len() == 1 => "created[]",
            Some("device") => device,
            Some("user") => "created[] deleted[]",
            _ => "created[] updated[\"status\"] deleted[]",
        };
        assert_eq!(events.join(" "), expected, "{subject}");
    }
}

#[test]
fn reader_of_32_writers_misses_no_event() {
    let api = Api::start();
    let second = Server::start_with(&api.database, &ServerOptions::default());
    let (written, active) = (AtomicUsize::new(0), AtomicUsize::new(WRITERS));
    let start = std::sync::Barrier::new(WRITERS + 1);
    let all = std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let client = Client {
                http: reqwest::blocking::Client::new(),
                server: if writer % 2 == 0 {
                    &api.server
                } else {
                    &second
                },
                key: &api.key,
            };
            let (written, active, start) = (&written, &active, &start);
            scope.spawn(move || {
                start.wait();
                let count = client.write(writer);
                written.fetch_add(count, Ordering::SeqCst);
                active.fetch_sub(1, Ordering::SeqCst);
            });
        }
        start.wait();
        follow(&api, &written, &active)
    });
    let ids: BTreeSet<_> = all
        .iter()
        .map(|event| event["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), all.len());
    assert_causal(&all);
}
