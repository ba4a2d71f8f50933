//! The interface of requests in the audit trail.

use std::collections::BTreeSet;

use devices_domain::{
    BulkAction, EventFilter, EventRepository, Interface, Lifecycle, Precondition, RawValue, Store,
};

use super::unknown_users::{batch, upsert};
use crate::{TestStore, Writer, block_on, device, enrollments};

/// Makes a change of each kind.
async fn change_everything(store: &TestStore, writer: &Writer) {
    let user = store.user(writer.workspace, "ada@example.com").await;
    let created = writer.create(vec![device(&[])]).await.unwrap();
    let id = created[0].id;
    // Too many for one statement, and too many for a look-up before they are inserted.
    for count in [20, 300] {
        let devices = (0..count).map(|_| device(&[])).collect();
        writer.create(devices).await.unwrap();
    }
    let name = [("name", RawValue::text("Renamed"))];
    let updated = writer.update(id.0, name, Precondition::Any).await;
    updated.unwrap();
    writer.delete(id).await;
    writer.restore(id).await.unwrap();
    let leased = BulkAction::SetLifecycle(Some(Lifecycle::ALL[0]));
    writer.change_many(&[id], leased).await.unwrap();
    let rows = batch([("A1", "grace@example.com")]);
    let result = upsert(writer.devices.as_ref(), writer, rows).await;
    let undone = result.unwrap().batch.unwrap();
    let repositories = store.store().for_workspace(writer.workspace);
    let batches = repositories.batches;
    batches.undo(undone, false, writer.origin()).await.unwrap();
    let users = repositories.users;
    users.delete(user, writer.origin()).await.unwrap();
    enrollments::put(store, writer, "B1", "ENROLLED").await;
    enrollments::put(store, writer, "B1", "UNENROLLED").await;
}

#[test]
fn every_change_names_the_interface() {
    block_on(async {
        let store = TestStore::new();
        let console = Writer {
            interface: Interface::Console,
            ..store.writer("acme").await
        };
        let api = store.writer("globex").await;
        for writer in [&console, &api] {
            change_everything(&store, writer).await;
            let events = store.request_events(writer.workspace).await;
            let actions: BTreeSet<_> = events.iter().map(|event| event.action.as_str()).collect();
            assert_eq!(
                actions.into_iter().collect::<Vec<_>>(),
                ["CREATED", "DELETED", "RESTORED", "UNDONE", "UPDATED"]
            );
            for event in events {
                assert_eq!(event.interface, Some(writer.interface), "{event:?}");
            }
        }
        // The API takes no space.
        let stored = "SELECT DISTINCT workspace_id || ' ' || coalesce(interface, '-') \
                      FROM device_events ORDER BY 1";
        assert_eq!(store.database.texts(stored), ["1 CONSOLE", "2 -"]);
        let all = store.events();
        let all = all.list(console.workspace, EventFilter::default()).await;
        let mut commands = all.unwrap();
        commands.retain(|event| event.operator.is_some());
        assert!(!commands.is_empty());
        assert!(commands.iter().all(|event| event.interface.is_none()));
    });
}
