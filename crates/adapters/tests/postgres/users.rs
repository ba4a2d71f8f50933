//! [`UserRepository`](devices_domain::UserRepository).

use devices_domain::{NewUser, UserRepository};

use crate::{Store, block_on};

#[test]
fn an_address_is_taken_in_whatever_case_within_its_workspace() {
    block_on(async {
        let store = Store::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let new = |workspace, email: &str| NewUser {
            workspace,
            email: email.to_owned(),
            first_name: Some("Ada".to_owned()),
            last_name: None,
        };
        let users = store.users();
        let ada = users
            .create(new(acme, "ada@example.com"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(ada.first_name.as_deref(), Some("Ada"));
        assert_eq!(
            users.create(new(acme, "Ada@Example.com")).await.unwrap(),
            None
        );
        assert!(
            users
                .create(new(globex, "ada@example.com"))
                .await
                .unwrap()
                .is_some()
        );
        store
            .database
            .execute("UPDATE users SET deleted_at = now()");
        assert!(
            users
                .create(new(acme, "ada@example.com"))
                .await
                .unwrap()
                .is_some()
        );
    });
}

#[test]
fn living_users_are_listed_oldest_first_of_one_workspace_or_all() {
    block_on(async {
        let store = Store::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let ada = store.user(acme, "ada@example.com").await;
        let grace = store.user(globex, "grace@example.com").await;
        let alan = store.user(acme, "alan@example.com").await;
        let ids = async |workspace| {
            let listed = store.users().list(workspace).await.unwrap();
            listed.into_iter().map(|user| user.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(Some(acme)).await, [ada, alan]);
        assert_eq!(ids(None).await, [ada, grace, alan]);
        store.database.execute(&format!(
            "UPDATE users SET deleted_at = now() WHERE id = {ada}"
        ));
        assert_eq!(ids(Some(acme)).await, [alan]);
    });
}
