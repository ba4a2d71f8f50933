//! [`WorkspaceRepository`](devices_domain::WorkspaceRepository) and
//! [`StoreHealth`](devices_domain::StoreHealth).

use devices_domain::{NewWorkspace, RenameError, StoreHealth, WorkspaceId, WorkspaceRepository};

use crate::{TestStore, block_on, operator};

#[test]
fn duplicate_name_is_rejected() {
    block_on(async {
        let store = TestStore::new();
        let new = || NewWorkspace {
            name: "acme".to_owned(),
            device_limit: Some(3),
        };
        let workspaces = store.workspaces();
        let created = workspaces.create(new(), operator()).await.unwrap().unwrap();
        assert_eq!(created.device_limit, Some(3));
        assert_eq!(workspaces.create(new(), operator()).await.unwrap(), None);
        assert_eq!(
            workspaces.find("acme".to_owned()).await.unwrap(),
            Some(created)
        );
        assert_eq!(workspaces.find("ACME".to_owned()).await.unwrap(), None);
    });
}

#[test]
fn list_is_ordered_oldest_first() {
    block_on(async {
        let store = TestStore::new();
        let ids = [store.workspace("b").await, store.workspace("a").await];
        let listed = store.workspaces().list().await.unwrap();
        let listed: Vec<_> = listed.iter().map(|workspace| workspace.id).collect();
        assert_eq!(listed, ids);
    });
}

#[test]
fn device_limit_is_set_and_removed() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let workspaces = store.workspaces();
        for limit in [Some(5), None] {
            let updated = workspaces
                .set_device_limit(acme, limit, operator())
                .await
                .unwrap();
            assert_eq!(updated.unwrap().device_limit, limit);
        }
        let unknown = workspaces
            .set_device_limit(WorkspaceId(4711), None, operator())
            .await;
        assert_eq!(unknown.unwrap(), None);
    });
}

#[test]
fn ping_reaches_the_database() {
    block_on(async {
        let store = TestStore::new();
        assert!(store.pool.ping().await.is_ok());
    });
}

#[test]
fn renaming_stores_one_event() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        store.workspace("globex").await;
        let workspaces = store.workspaces();
        for _ in 0..2 {
            let renamed = workspaces.rename(acme, "initech".to_owned(), operator());
            assert_eq!(renamed.await.unwrap().name, "initech");
        }
        let events = "audit_events WHERE action = 'UPDATED' AND fields = '{name}'";
        assert_eq!(store.database.count(events), 1);

        let taken = workspaces.rename(acme, "globex".to_owned(), operator());
        assert!(matches!(taken.await, Err(RenameError::NameTaken)));
        let missing = workspaces.rename(WorkspaceId(4711), "x".to_owned(), operator());
        assert!(matches!(missing.await, Err(RenameError::NotFound)));
    });
}
