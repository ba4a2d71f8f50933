//! The lists and searches that are measured.

use devices_tests::percent_encode;

use super::LargeWorkspace;
use crate::references::connect;

/// A request, with the name of its row in the table.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) path: String,
}

fn case(name: &'static str, path: impl Into<String>) -> Case {
    Case {
        name,
        path: path.into(),
    }
}

/// Returns all cases. They page through at most 50 items.
pub(crate) fn cases(workspace: &LargeWorkspace) -> Vec<Case> {
    let mut cases = pages(workspace);
    cases.extend(device_filters());
    cases.extend(updated_since(workspace));
    cases.extend(searches());
    cases.extend(users_and_enrollments(workspace));
    cases
}

fn pages(workspace: &LargeWorkspace) -> Vec<Case> {
    let deep = workspace.population.devices / 10 * 9;
    let path = format!("/devices?limit=1&offset={deep}");
    // With cold caches, such an offset can exceed the statement timeout.
    let mut pages = (0..10).map(|_| workspace.send("GET", &path, None));
    let page = pages.find(|page| page.status == 200);
    let cursor = page.and_then(|page| page.link("next")).unwrap_or_default();
    vec![
        case("devices, first page", "/devices"),
        case("devices, cursor at 90 %", cursor.replace("limit=1&", "")),
        case("devices, offset at 90 %", format!("/devices?offset={deep}")),
    ]
}

fn device_filters() -> Vec<Case> {
    let filter = |name, parameter: &str, value: &str| {
        let value = percent_encode(value);
        case(name, format!("/devices?{parameter}={value}"))
    };
    vec![
        filter("available: 27 %", "client_status", "AVAILABLE"),
        filter("in service: 72 %", "client_status", "IN_SERVICE"),
        filter("in maintenance: 1 %", "client_status", "IN_MAINTENANCE"),
        filter("out of service: few", "client_status", "OUT_OF_SERVICE"),
        filter("archived: 0.2 %", "client_status", "ARCHIVED"),
        filter("shipped: none", "client_status", "SHIPPED"),
        filter("user: none", "user_id", "999999999"),
        filter("user: few", "user_id", "3"),
        filter("user: 1 %", "user_id", "2"),
        filter("user: 10 %", "user_id", "1"),
        filter("serial number", "serial_number", "R00000000303"),
        filter("serial number: none", "serial_number", "none of these"),
        filter("asset tag", "asset_tag", "it-R00000000303"),
        filter("type: none", "type", "none"),
        filter("type: few", "type", "plotter"),
        filter("type: 1 %", "type", "projector"),
        filter("type: oldest 2 %", "type", "fax"),
        filter("type: 10 %", "type", "phone"),
        filter("type: 87 %", "type", "laptop"),
        filter("category: none", "category", "none"),
        filter("category: all", "category", "hardware"),
        filter("tag: none", "tag", "none"),
        filter("tag: few", "tag", "museum"),
        filter("tag: 1 %", "tag", "on loan"),
        filter("tag: 10 %", "tag", "pool"),
        filter("tag: all", "tag", "owned"),
        filter("attribute: none", "attributes.Site", "none"),
        filter("attribute: few", "attributes.Site", "Oslo"),
        filter("attribute: 1 %", "attributes.Site", "Rome"),
        filter("attribute: 10 %", "attributes.Site", "Paris"),
        filter("attribute: all", "attributes.Owner", "company"),
        case("tag and type: none", "/devices?tag=pool&type=fax"),
        case(
            "type and status: 0.1 %",
            "/devices?type=phone&client_status=IN_MAINTENANCE",
        ),
        case(
            "export, first 10",
            "/devices/export?format=csv&type=plotter",
        ),
    ]
}

/// Returns filters by the times after which none, few, 1 %, 10 % and all devices were changed.
fn updated_since(workspace: &LargeWorkspace) -> Vec<Case> {
    let devices = workspace.population.devices;
    let shares = [
        ("updated: none", 0),
        ("updated: 5", 5),
        ("updated: 1 %", devices / 100),
        ("updated: 10 %", devices / 10),
        ("updated: all", devices),
    ];
    let paths = shares.map(|(name, rank)| (name, since("/devices", "devices", rank, workspace)));
    paths.map(|(name, path)| case(name, path)).into()
}

/// Returns the path of a list of what was changed since the change with this rank, newest first.
fn since(path: &str, table: &str, rank: usize, workspace: &LargeWorkspace) -> String {
    let statement = format!(
        "SELECT to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
         FROM {table} WHERE workspace_id = $1 AND deleted_at IS NULL \
         ORDER BY updated_at DESC OFFSET $2 LIMIT 1"
    );
    let skipped = rank.saturating_sub(1) as i64;
    let rows = connect(&workspace.url).query(&statement, &[&workspace.id, &skipped]);
    let rows = rows.expect("the times can be read");
    let time: Option<String> = rows.first().filter(|_| rank > 0).map(|row| row.get(0));
    let time = time.unwrap_or_else(|| match rank {
        0 => "2999-01-01T00:00:00Z".to_owned(),
        _ => "2000-01-01T00:00:00Z".to_owned(),
    });
    format!("{path}?updated_since={}", percent_encode(&time))
}

fn searches() -> Vec<Case> {
    let search = |name, words: &str| {
        let words = percent_encode(words);
        case(name, format!("/devices?search={words}"))
    };
    vec![
        search("search: no device", "nonexistent"),
        search("search: rare word", "zephyr"),
        search("search: part of a serial number", "0A2C5"),
        search("search: serial number", "R0000000A2C5"),
        search("search: word of 1 %", "calibrated"),
        search("search: word of 10 %", "refurbished"),
        search("search: word of all", "inventory"),
        search("search: two frequent words, never together", "alpha omega"),
        search("search: frequent and rare word", "inventory zephyr"),
        search("search: prefix of one letter", "i"),
        search("search: 16 words", &["inventory"; 16].join(" ")),
        search("search: assignee and frequent word", "hopper inventory"),
        search(
            "search: frequent assignee and frequent word",
            "lovelace inventory",
        ),
        case(
            "search: word of all, offset 5,000",
            "/devices?search=inventory&offset=5000",
        ),
        case(
            "search: word of all, in maintenance: 1 %",
            "/devices?search=inventory&client_status=IN_MAINTENANCE",
        ),
        case(
            "search: word of all, user of few",
            "/devices?search=inventory&user_id=3",
        ),
        case(
            "search: rare word of a type",
            "/devices?search=zephyr&type=plotter",
        ),
        case(
            "search: word of all, type of 1 %",
            "/devices?search=inventory&type=projector",
        ),
    ]
}

fn users_and_enrollments(workspace: &LargeWorkspace) -> Vec<Case> {
    let mut cases = vec![
        case("users, first page", "/users"),
        case("users, search: one", "/users?search=hopper"),
        case("users, search: 0.1 %", "/users?search=person7"),
        case("users, search: all", "/users?search=grace"),
        case("enrolments, first page", "/mdm/enrollments"),
        case("enrolments with a device", "/mdm/enrollments?linked=true"),
        case(
            "enrolments without one: 0.1 %",
            "/mdm/enrollments?linked=false",
        ),
        case(
            "enrolments, serial number",
            "/mdm/enrollments?serial_number=R00000000303",
        ),
    ];
    let enrollments = workspace.population.devices;
    let users = enrollments / 10;
    for (name, path, table, rank) in [
        ("users, updated: none", "/users", "users", 0),
        ("users, updated: 1 %", "/users", "users", users / 100),
        ("users, updated: all", "/users", "users", users),
        (
            "enrolments, updated: none",
            "/mdm/enrollments",
            "devices_mdm",
            0,
        ),
        (
            "enrolments, updated: 5",
            "/mdm/enrollments",
            "devices_mdm",
            5,
        ),
        (
            "enrolments, updated: 1 %",
            "/mdm/enrollments",
            "devices_mdm",
            enrollments / 100,
        ),
        (
            "enrolments, updated: all",
            "/mdm/enrollments",
            "devices_mdm",
            enrollments,
        ),
    ] {
        cases.push(case(name, since(path, table, rank, workspace)));
    }
    cases
}
