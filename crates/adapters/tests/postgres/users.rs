//! [`UserRepository`](devices_domain::UserRepository).

use std::sync::Arc;

use devices_domain::{
    Action, Author, ChangeUserError, Email, PageRequest, PageStart, RawRow, RawValue, Search,
    Store, UnknownFields, User, UserChange, UserFields, UserFilter, UserId, UserPatch,
};

use crate::{TestStore, Writer, block_on, device_of, operator};

fn user_fields(email: &str) -> UserFields {
    UserFields::new(Email::from_trusted(email.to_owned()))
}

fn patch(fields: &[(&'static str, &'static str)]) -> UserPatch {
    let mut row = RawRow::for_user();
    for (name, text) in fields {
        row.set(*name, RawValue::text(*text));
    }
    UserPatch::from_row(&row, UnknownFields::Reject).unwrap()
}

async fn update(
    store: &TestStore,
    writer: &Writer,
    user: UserId,
    fields: &[(&'static str, &'static str)],
) -> Result<User, ChangeUserError> {
    let change = UserChange {
        user,
        patch: patch(fields),
        origin: writer.origin(),
    };
    let users = store.users(writer.workspace);
    users.update(Arc::new(change)).await
}

#[test]
fn email_is_unique_ignoring_case() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let users = store.users(acme.workspace);
        let taken = users
            .create(user_fields("Ada@Example.com"), Author::Command(operator()))
            .await;
        assert!(matches!(taken, Err(ChangeUserError::EmailTaken(holder)) if holder == ada));
        store.user(globex.workspace, "ada@example.com").await;
        let grace = store.user(acme.workspace, "grace@example.com").await;
        let taken = update(&store, &acme, grace, &[("email", "ADA@example.com")]).await;
        assert!(matches!(taken, Err(ChangeUserError::EmailTaken(holder)) if holder == ada));
        // A user can change the case of its own address.
        let updated = update(&store, &acme, ada, &[("email", "Ada@example.com")]).await;
        assert_eq!(updated.unwrap().fields.email.as_str(), "Ada@example.com");
        users.delete(ada, acme.origin()).await.unwrap();
        store.user(acme.workspace, "ada@example.com").await;
    });
}

#[test]
fn one_of_two_creations_takes_an_email() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let create = || {
            let users = store.users(acme);
            tokio::spawn(async move {
                users
                    .create(user_fields("ada@example.com"), Author::Command(operator()))
                    .await
            })
        };
        for _ in 0..10 {
            store
                .database
                .execute("UPDATE users SET deleted_at = now()");
            let (first, second) = (create(), create());
            let results = [first.await.unwrap(), second.await.unwrap()];
            let created = results.iter().filter(|result| result.is_ok()).count();
            let taken = results
                .iter()
                .filter(|result| matches!(result, Err(ChangeUserError::EmailTaken(_))));
            assert_eq!((created, taken.count()), (1, 1));
        }
    });
}

#[test]
fn list_of_active_users_is_oldest_first() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (
            store.workspace("acme").await,
            store.workspace("globex").await,
        );
        let ada = store.user(acme, "ada@example.com").await;
        let grace = store.user(globex, "grace@example.com").await;
        let alan = store.user(acme, "alan@example.com").await;
        let ids = async |workspace| {
            let listed = store.store().list_users(workspace).await.unwrap();
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

#[test]
fn search_matches_prefixes_without_accents() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let names = [("first_name", "Zoé"), ("last_name", "Łukasiewicz-Ørsted")];
        let zoe = store.user(acme.workspace, "z.l@example.org").await;
        update(&store, &acme, zoe, &names).await.unwrap();
        let find_ids = async |text: &str| {
            let filter = UserFilter {
                search: Search::parse(text).unwrap(),
                ..UserFilter::default()
            };
            let page = PageRequest {
                limit: 10,
                start: PageStart::Offset(0),
            };
            let page = store
                .users(acme.workspace)
                .list(filter, page)
                .await
                .unwrap();
            page.items.iter().map(|user| user.id).collect::<Vec<_>>()
        };
        assert_eq!(find_ids("zoe").await, [zoe]);
        assert_eq!(find_ids("LUKAS orst").await, [zoe]);
        assert_eq!(find_ids("exam").await, [zoe, ada]);
        assert_eq!(find_ids("zoe ada").await, []);
    });
}

#[test]
fn deleted_user_never_has_devices() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for round in 0..20 {
            let user = store
                .user(acme.workspace, &format!("ada{round}@example.com"))
                .await;
            let users = store.users(acme.workspace);
            let (origin, writer) = (acme.origin(), acme.clone());
            let delete = tokio::spawn(async move { users.delete(user, origin).await });
            let by_email = round % 2 == 0;
            let assign = tokio::spawn(async move {
                let assignee = if by_email {
                    let email = format!("ADA{round}@example.com");
                    ("user_email", RawValue::text(email))
                } else {
                    ("user_id", RawValue::Integer(user.0))
                };
                writer.create(vec![device_of([assignee])]).await
            });
            let (deleted, assigned) = (delete.await.unwrap(), assign.await.unwrap());
            match deleted {
                Ok(_) => assert!(assigned.is_err(), "round {round}"),
                Err(ChangeUserError::HasDevices) => assert!(assigned.is_ok(), "round {round}"),
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        let orphans = store.database.texts(
            "SELECT devices.id FROM devices \
             JOIN users ON users.workspace_id = devices.workspace_id \
                 AND users.id = devices.user_id \
             WHERE users.deleted_at IS NOT NULL",
        );
        assert_eq!(orphans, Vec::<String>::new());
    });
}

#[test]
fn updated_since_selects_changed_users() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let grace = store.user(acme.workspace, "grace@example.com").await;
        store
            .database
            .execute("UPDATE users SET updated_at = '2026-01-01T00:00:00Z'");
        let find_ids = async |text: &str, since: &str| {
            let filter = UserFilter {
                search: Search::parse(text).unwrap(),
                updated_since: Some(since.parse().unwrap()),
            };
            let page = PageRequest {
                limit: 10,
                start: PageStart::Offset(0),
            };
            let users = store.users(acme.workspace);
            let page = users.list(filter, page).await.unwrap();
            assert_eq!(page.total.count, page.items.len() as u64);
            page.items.iter().map(|user| user.id).collect::<Vec<_>>()
        };
        assert_eq!(find_ids("", "2026-01-01T00:00:00Z").await, [grace, ada]);
        let later = "2026-01-01T00:00:00.000001Z";
        assert_eq!(find_ids("", later).await, []);
        // A patch without changes keeps the time, and so does an assignment of a device.
        let email = [("email", "ada@example.com")];
        update(&store, &acme, ada, &email).await.unwrap();
        let assignee = ("user_id", RawValue::Integer(ada.0));
        acme.create(vec![device_of([assignee])]).await.unwrap();
        assert_eq!(find_ids("", later).await, []);
        update(&store, &acme, ada, &[("last_name", "Lovelace")])
            .await
            .unwrap();
        assert_eq!(find_ids("", later).await, [ada]);
        assert_eq!(find_ids("lovelace", later).await, [ada]);
        assert_eq!(find_ids("grace", later).await, []);
        // A clock that was set back does not lower the time.
        store
            .database
            .execute("UPDATE users SET updated_at = '2100-01-01T00:00:00Z'");
        update(&store, &acme, ada, &[("last_name", "King")])
            .await
            .unwrap();
        let after_both = "2100-01-01T00:00:00.000001Z";
        assert_eq!(find_ids("", after_both).await, [ada]);
        store
            .users(acme.workspace)
            .delete(grace, acme.origin())
            .await
            .unwrap();
        // A deleted user is not listed, although it changed.
        assert_eq!(find_ids("", after_both).await, [ada]);
    });
}

#[test]
fn changes_write_events_with_field_names() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let users = store.users(acme.workspace);
        let ada = users.create(
            user_fields("ada@example.com"),
            Author::Request(acme.origin()),
        );
        let ada = ada.await.unwrap().id;
        let fields = [
            ("last_name", "Lovelace"),
            ("role", "ADMIN"),
            ("email", "ada@example.com"),
        ];
        update(&store, &acme, ada, &fields).await.unwrap();
        // A patch without changes writes no event.
        update(&store, &acme, ada, &fields).await.unwrap();
        users.delete(ada, acme.origin()).await.unwrap();
        let deleted_again = users.delete(ada, acme.origin()).await;
        assert!(matches!(deleted_again, Err(ChangeUserError::NotFound)));
        let events = store.request_events(acme.workspace).await;
        let events: Vec<_> = events
            .iter()
            .map(|event| (event.action, event.user_id, event.fields.join(" ")))
            .collect();
        assert_eq!(
            events,
            [
                (Action::Created, Some(ada), String::new()),
                (Action::Updated, Some(ada), "last_name role".to_owned()),
                (Action::Deleted, Some(ada), String::new()),
            ]
        );
    });
}
