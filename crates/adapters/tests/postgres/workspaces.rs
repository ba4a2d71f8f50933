//! [`WorkspaceRepository`](devices_domain::WorkspaceRepository) and
//! [`StoreHealth`](devices_domain::StoreHealth).

use devices_domain::{NewWorkspace, StoreHealth, WorkspaceId, WorkspaceRepository};

use crate::{TestStore, block_on};

#[test]
fn a_name_is_taken_once() {
    block_on(async {
        let store = TestStore::new();
        let new = || NewWorkspace {
            name: "acme".to_owned(),
            device_limit: Some(3),
        };
        let workspaces = store.workspaces();
        let created = workspaces.create(new()).await.unwrap().unwrap();
        assert_eq!(created.device_limit, Some(3));
        assert_eq!(workspaces.create(new()).await.unwrap(), None);
        assert_eq!(
            workspaces.find("acme".to_owned()).await.unwrap(),
            Some(created)
        );
        assert_eq!(workspaces.find("ACME".to_owned()).await.unwrap(), None);
    });
}

#[test]
fn workspaces_are_listed_oldest_first() {
    block_on(async {
        let store = TestStore::new();
        let ids = [store.workspace("b").await, store.workspace("a").await];
        let listed = store.workspaces().list().await.unwrap();
        let listed: Vec<_> = listed.iter().map(|workspace| workspace.id).collect();
        assert_eq!(listed, ids);
    });
}

#[test]
fn a_limit_is_set_and_lifted() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let workspaces = store.workspaces();
        for limit in [Some(5), None] {
            let set = workspaces.set_device_limit(acme, limit).await.unwrap();
            assert_eq!(set.unwrap().device_limit, limit);
        }
        let nobody = workspaces.set_device_limit(WorkspaceId(4711), None).await;
        assert_eq!(nobody.unwrap(), None);
    });
}

#[test]
fn health_asks_the_database_each_time() {
    block_on(async {
        let store = TestStore::new();
        assert!(store.pool.ping().await.is_ok());
    });
}
