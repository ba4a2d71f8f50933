//! Pages of a workspace without any data: each says what to do next.

use super::data::Console;

#[test]
fn empty_workspace_offers_next_steps() {
    let console = Console::open();
    let pages = [
        ("empty-overview", "/ui/"),
        ("empty-devices", "/ui/devices"),
        ("empty-batches", "/ui/batches"),
        ("empty-users", "/ui/users"),
        ("empty-enrollments", "/ui/enrollments"),
        ("empty-activity", "/ui/activity"),
        ("empty-keys", "/ui/keys"),
        ("device-new", "/ui/devices/new"),
        ("user-new", "/ui/users/new"),
        ("key-new", "/ui/keys/new"),
    ];
    for (name, path) in pages {
        console.check(name, path);
    }
}
