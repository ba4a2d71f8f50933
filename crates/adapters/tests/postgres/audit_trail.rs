//! [`AuditTrail`](devices_domain::AuditTrail).

use chrono::Utc;
use devices_domain::{
    Action, AuditEntry, AuditTrail, DeviceId, EventFilter, EventId, EventRepository,
    HistorySubject, KeyRepository, NewSecret, Precondition, RawValue, Store, UserId, WorkspaceId,
};

use crate::enrollments::put;
use crate::{TestStore, Writer, block_on, device, operator};

impl TestStore {
    fn audit(&self, workspace: WorkspaceId) -> Box<dyn AuditTrail> {
        self.store().for_workspace(workspace).audit
    }

    /// Returns a history, read in pages of two.
    async fn history(&self, workspace: WorkspaceId, subject: HistorySubject) -> Vec<AuditEntry> {
        let audit = self.audit(workspace);
        let mut entries: Vec<AuditEntry> = Vec::new();
        loop {
            let before = entries.last().map(|entry| entry.id);
            let page = audit.history(subject, before, 2).await.unwrap();
            let is_last = page.len() < 2;
            entries.extend(page);
            if is_last {
                return entries;
            }
        }
    }

    /// Returns the ids of the events of the audit list that match a filter, newest first.
    async fn listed(&self, workspace: WorkspaceId, filter: EventFilter) -> Vec<EventId> {
        let events = self.events().list(workspace, filter).await.unwrap();
        events.iter().rev().map(|event| event.id).collect()
    }

    async fn assert_history_of_device(&self, writer: &Writer, device: DeviceId) -> Vec<AuditEntry> {
        let subject = HistorySubject::Device(device);
        let history = self.history(writer.workspace, subject).await;
        let filter = EventFilter {
            device: Some(device),
            ..EventFilter::default()
        };
        let ids: Vec<EventId> = history.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, self.listed(writer.workspace, filter).await);
        history
    }
}

fn actions(history: &[AuditEntry]) -> Vec<Action> {
    history.iter().map(|entry| entry.action).collect()
}

#[test]
fn history_of_a_device_has_all_its_events() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        // One statement, several of a group, a transaction, and COPY.
        for size in [1, 2, 20, 300] {
            let batches = [(); 3].map(|()| acme.create((0..size).map(|_| device(&[])).collect()));
            for created in futures_util::future::join_all(batches).await {
                let created = created.unwrap();
                let history = store.assert_history_of_device(&acme, created[0].id).await;
                assert_eq!(actions(&history), [Action::Created]);
                assert_eq!(history[0].device_count, size);
                assert_eq!(history[0].batch.map(|batch| batch.0), Some(history[0].id.0));
            }
        }
        let created = acme.create(vec![device(&[]), device(&[])]).await.unwrap();
        let [first, second] = [created[0].id, created[1].id];
        let change = [("user_id", RawValue::Integer(ada.0))];
        acme.update(first.0, change, Precondition::Any)
            .await
            .unwrap();
        acme.delete(first).await;
        acme.restore(first).await.unwrap();
        // Changes of several devices, as bulk changes and upserts make them.
        store.database.execute(&format!(
            "INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids, \
                                        fields, batch_id) \
             SELECT workspace_id, 'UPDATED', key_id, 'bulk', '{{{first},{second}}}', \
                    '{{lifecycle}}', id FROM device_events ORDER BY id DESC LIMIT 1"
        ));
        let history = store.assert_history_of_device(&acme, first).await;
        let expected = [
            Action::Updated,
            Action::Restored,
            Action::Deleted,
            Action::Updated,
            Action::Created,
        ];
        assert_eq!(actions(&history), expected);
        let change = &history[3];
        assert_eq!(change.fields, ["user_id"]);
        assert_eq!(
            (change.key, change.key_name.as_deref()),
            (Some(acme.key), Some("import"))
        );
        assert_eq!(change.request_id.as_deref(), Some("request-1"));
        assert_eq!((change.batch, change.device_count), (None, 1));
        assert_eq!(history[0].device_count, 2);
        let history = store.assert_history_of_device(&acme, second).await;
        assert_eq!(actions(&history), [Action::Updated, Action::Created]);

        let globex = store.writer("globex").await;
        let subject = HistorySubject::Device(first);
        assert_eq!(store.history(globex.workspace, subject).await, []);
    });
}

#[test]
fn history_of_another_object_has_all_its_events() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let globex = store.writer("globex").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let users = store.users(acme.workspace);
        users.delete(ada, acme.origin()).await.unwrap();
        let (enrolled, _) = put(&store, &acme, "SN-1", "PENDING").await;
        put(&store, &acme, "SN-1", "ENROLLED").await;
        put(&store, &acme, "SN-2", "ENROLLED").await;
        let secret = NewSecret {
            sha256: [9; 32],
            prefix: "fdk_1_abcd".to_owned(),
        };
        let keys = store.keys();
        let rotated = keys.rotate(acme.workspace, acme.key, secret, Utc::now(), 9, operator());
        rotated.await.unwrap();

        let cases = [
            (
                HistorySubject::User(ada),
                vec![Action::Deleted, Action::Created],
            ),
            (
                HistorySubject::Enrollment(enrolled.enrollment.id),
                vec![Action::Updated, Action::Created],
            ),
            (
                HistorySubject::Key(acme.key),
                vec![Action::Rotated, Action::Created],
            ),
            (HistorySubject::User(UserId(ada.0 + 1)), vec![]),
        ];
        for (subject, expected) in cases {
            let history = store.history(acme.workspace, subject).await;
            assert_eq!(actions(&history), expected, "{subject:?}");
            assert!(history.is_sorted_by(|one, next| one.id > next.id));
            assert_eq!(
                store.history(globex.workspace, subject).await,
                [],
                "{subject:?}"
            );
        }
        let history = store
            .history(acme.workspace, HistorySubject::User(ada))
            .await;
        assert_eq!(history[1].operator, Some(operator()));
        assert_eq!((history[1].key, &history[1].key_name), (None, &None));
        assert_eq!(history[0].key_name.as_deref(), Some("import"));
    });
}
