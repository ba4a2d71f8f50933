//! Workspaces in the states that pages must be able to show.

use devices_tests::{Api, complete_device, percent_encode};
use serde_json::{Value, json};

use crate::browser::Browser;

/// Longest text that a name can have.
pub(super) const MAX_LENGTH: usize = 255;

/// A server and a browser that is signed in with an ADMIN key.
pub(super) struct Console {
    pub(super) api: Api,
    pub(super) browser: Browser,
    pub(super) admin: String,
}

impl Console {
    pub(super) fn open() -> Self {
        let api = Api::start();
        let admin = api.create_key("acme", "ADMIN");
        let browser = Browser::open(api.server.address());
        browser.sign_in(&admin);
        Self {
            api,
            browser,
            admin,
        }
    }

    /// Opens a page and checks it in all views.
    pub(super) fn check(&self, name: &str, path: &str) {
        self.browser.visit(path);
        self.browser.check_views(name);
    }

    #[track_caller]
    pub(super) fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let response = self.api.send_as(&self.admin, method, path, body);
        let is_success = (200..300).contains(&response.status);
        assert!(is_success, "{method} {path}: {}", response.text);
        response.json()["data"].clone()
    }

    /// Creates an object. Returns its id.
    #[track_caller]
    fn create(&self, path: &str, fields: &Value) -> i64 {
        let created = self.send("POST", path, fields);
        created["id"].as_i64().expect("an object has an id")
    }
}

/// Ids of the objects of a workspace that uses everything.
pub(super) struct Full {
    pub(super) complete: i64,
    pub(super) long: i64,
    pub(super) hebrew: i64,
    pub(super) archived: i64,
    pub(super) user: i64,
    pub(super) long_user: i64,
    /// A batch that can be undone in part.
    pub(super) batch: i64,
    pub(super) undone_batch: i64,
    pub(super) key: i64,
    pub(super) ended_key: i64,
}

/// Serial number of a device that is enrolled.
pub(super) const ENROLLED: &str = "C02XL0GSJGH5";

/// Fills a workspace with devices, users, enrolments, batches and keys, among them extreme ones.
pub(super) fn fill(console: &Console) -> Full {
    let (user, long_user) = create_users(console);
    let [complete, long, hebrew, archived] = create_devices(console, user);
    let (batch, undone_batch) = create_batches(console);
    create_enrollments(console);
    let (key, ended_key) = create_keys(console);
    Full {
        complete,
        long,
        hebrew,
        archived,
        user,
        long_user,
        batch,
        undone_batch,
        key,
        ended_key,
    }
}

fn create_users(console: &Console) -> (i64, i64) {
    let user = json!({
        "email": "ada.lovelace@example.com", "first_name": "Ada", "last_name": "Lovelace",
        "position": "Head of analytical engines",
    });
    let user = console.create("/users", &user);
    let long = json!({
        "email": format!("{}@example.com", "x".repeat(60)), "first_name": "N".repeat(MAX_LENGTH),
        "last_name": "very long ".repeat(25), "position": "p".repeat(MAX_LENGTH),
    });
    let long = console.create("/users", &long);
    let others = [
        ("maryam@example.com", "مريم", "الخوارزمي"),
        ("sara@example.com", "שרה", "לוי (IT)"),
        ("bold@example.com", "<b>Bold</b>", "& \"quoted\""),
        ("emoji@example.com", "👩🏽\u{200d}💻", "🇫🇷"),
    ];
    for (email, first_name, last_name) in others {
        let fields = json!({ "email": email, "first_name": first_name, "last_name": last_name });
        console.create("/users", &fields);
    }
    (user, long)
}

/// Returns the ids of the complete, the long, the Hebrew and the archived device.
fn create_devices(console: &Console, user: i64) -> [i64; 4] {
    let long = json!({
        "name": "W".repeat(MAX_LENGTH), "type": "long type ".repeat(25), "brand": "b".repeat(MAX_LENGTH),
        "model": "m".repeat(MAX_LENGTH), "serial_number": "SN47".repeat(16), "asset_tag": "IT-1".repeat(16),
        "comment": "A long comment.\n".repeat(40), "tags": ["t".repeat(100), "short"],
        "attributes": {"k".repeat(64): "v".repeat(500), "Room": "12"},
    });
    let rows = [
        complete_device(json!({ "user_id": user, "serial_number": ENROLLED })),
        long,
        json!({
            "name": "מחשב נייד של שרה (13\")", "brand": "لينوفو", "serial_number": "RTL-1",
            "comment": "هذا الجهاز في المكتب", "tags": ["מושאל", "loan"],
            "attributes": {"חדר": "קומה 2"},
        }),
        json!({ "name": "Retired phone", "type": "phone", "category": "phones" }),
        json!({ "name": "<b>Bold</b> & \"quoted\"", "brand": "<script>alert(1)</script>" }),
        json!({ "name": "👩🏽\u{200d}💻 🖥️ 🇫🇷", "type": "monitor", "category": "screens" }),
        json!({ "name": "Broken dock", "type": "dock", "lifecycle": "OUT_OF_SERVICE" }),
    ];
    let ids = console.api.create_devices(rows);
    let archived = console.api.call("DELETE", &format!("/devices/{}", ids[3]));
    assert_eq!(archived.status, 200, "{}", archived.text);
    [ids[0], ids[1], ids[2], ids[3]]
}

/// Returns the id of a batch that can be undone in part, and of one that is undone.
fn create_batches(console: &Console) -> (i64, i64) {
    console.api.create_devices([json!({}), json!({})]);
    let undone = newest_batch(console);
    console.send("POST", &format!("/batches/{undone}/undo"), &json!({}));
    let rows = [json!({"name": "Loaner 1"}), json!({"name": "Loaner 2"})];
    let devices = console.api.create_devices(rows);
    let changed = json!({ "brand": "Dell" });
    console.send("PATCH", &format!("/devices/{}", devices[0]), &changed);
    (newest_batch(console), undone)
}

fn newest_batch(console: &Console) -> i64 {
    let batches = console.api.get_json("/batches");
    batches["data"][0]["id"]
        .as_i64()
        .expect("a batch has an id")
}

fn create_enrollments(console: &Console) {
    let enrollments = [
        (
            ENROLLED,
            json!({ "status": "ENROLLED", "local_name": "Adas-MacBook" }),
        ),
        (
            "RTL-1",
            json!({ "status": "PENDING", "local_name": "מחשב" }),
        ),
        (
            "UNKNOWN/4711 ?",
            json!({ "status": "ENROLLED", "local_name": "L".repeat(255) }),
        ),
    ];
    for (serial_number, enrollment) in enrollments {
        let path = format!("/mdm/enrollments/{}", percent_encode(serial_number));
        console.send("PUT", &path, &enrollment);
    }
}

/// Returns the ids of an active key and of a revoked one.
fn create_keys(console: &Console) -> (i64, i64) {
    let key = |name: &str, scope: &str| {
        let fields = json!({ "name": name, "scope": scope, "expires_in": "30d" });
        console.create("/keys", &fields)
    };
    let active = key("Nightly import", "WRITE");
    key(&"long name ".repeat(25), "READ");
    let ended = key("מפתח", "READ");
    console.send("DELETE", &format!("/keys/{ended}"), &json!({}));
    (active, ended)
}
