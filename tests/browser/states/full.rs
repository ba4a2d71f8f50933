//! Pages of a workspace that uses everything.

use super::data::{Console, ENROLLED, fill};
use crate::browser::View;

#[test]
fn full_workspace_is_accessible() {
    let console = Console::open();
    let full = fill(&console);
    let device = |id: i64, page: &str| format!("/ui/devices/{id}{page}");
    let pages = [
        ("overview", "/ui/".to_owned()),
        ("devices", "/ui/devices".to_owned()),
        ("device", device(full.complete, "")),
        ("device-long", device(full.long, "")),
        ("device-rtl", device(full.hebrew, "")),
        ("device-archived", device(full.archived, "")),
        ("device-edit", device(full.complete, "/edit")),
        ("device-edit-long", device(full.long, "/edit")),
        ("device-assign", device(full.complete, "/assign")),
        ("device-archive", device(full.complete, "/archive")),
        ("device-restore", device(full.archived, "/restore")),
        ("users", "/ui/users".to_owned()),
        ("user", format!("/ui/users/{}", full.user)),
        ("user-long", format!("/ui/users/{}", full.long_user)),
        ("user-edit", format!("/ui/users/{}/edit", full.user)),
        (
            "user-delete",
            format!("/ui/users/{}/delete", full.long_user),
        ),
        (
            "user-delete-blocked",
            format!("/ui/users/{}/delete", full.user),
        ),
        ("enrollments", "/ui/enrollments".to_owned()),
        ("enrollment", format!("/ui/enrollments/{ENROLLED}")),
        (
            "enrollment-without-device",
            "/ui/enrollments/UNKNOWN%2F4711%20%3F".to_owned(),
        ),
        ("batches", "/ui/batches".to_owned()),
        ("batch", format!("/ui/batches/{}", full.batch)),
        ("batch-undo", format!("/ui/batches/{}/undo", full.batch)),
        ("batch-undone", format!("/ui/batches/{}", full.undone_batch)),
        ("activity", "/ui/activity".to_owned()),
        ("keys", "/ui/keys".to_owned()),
        ("key-rotate", format!("/ui/keys/{}/rotate", full.key)),
        ("key-revoke", format!("/ui/keys/{}/revoke", full.key)),
        ("key-revoked", format!("/ui/keys/{}/revoke", full.ended_key)),
    ];
    for (name, path) in &pages {
        console.check(name, path);
    }
}

#[test]
fn pages_say_the_same_without_scripts() {
    let console = Console::open();
    let full = fill(&console);
    let browser = &console.browser;
    let edit = format!("/ui/devices/{}/edit", full.complete);
    let assign = format!("/ui/devices/{}/assign", full.complete);
    for path in [
        "/ui/",
        &edit,
        &assign,
        "/ui/users",
        "/ui/batches",
        "/ui/activity",
        "/ui/keys",
    ] {
        browser.visit(path);
        let with_scripts = browser.tree();
        browser.set_view(View {
            has_javascript: false,
            ..View::default()
        });
        browser.visit(path);
        assert_eq!(browser.tree(), with_scripts, "{path}");
        browser.set_view(View::default());
    }
}
