//! [`UserRepository`](devices_domain::UserRepository).

use std::sync::Arc;

use devices_domain::{
    Action, ChangeUserError, Email, EventFilter, EventRepository, PageRequest, PageStart, RawRow,
    RawValue, Search, Store, UnknownFields, User, UserChange, UserFields, UserId, UserPatch,
    UserRepository, WorkspaceId,
};

use crate::{TestStore, Writer, block_on, device_of};

fn named(email: &str) -> UserFields {
    UserFields::new(Email::from_trusted(email.to_owned()))
}

fn patch(fields: &[(&'static str, &'static str)]) -> UserPatch {
    let mut row = RawRow::for_user();
    for (name, text) in fields {
        row.set(*name, RawValue::text(*text));
    }
    UserPatch::from_row(&row, UnknownFields::Reject).unwrap()
}

fn users_of(store: &TestStore, workspace: WorkspaceId) -> Box<dyn UserRepository> {
    store.users(workspace)
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
    users_of(store, writer.workspace)
        .update(Arc::new(change))
        .await
}

#[test]
fn an_address_is_taken_in_whatever_case_within_its_workspace() {
    block_on(async {
        let store = TestStore::new();
        let (acme, globex) = (store.writer("acme").await, store.writer("globex").await);
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let users = users_of(&store, acme.workspace);
        let again = users.create(named("Ada@Example.com"), None).await;
        assert!(matches!(again, Err(ChangeUserError::EmailTaken(holder)) if holder == ada));
        store.user(globex.workspace, "ada@example.com").await;
        let grace = store.user(acme.workspace, "grace@example.com").await;
        let taken = update(&store, &acme, grace, &[("email", "ADA@example.com")]).await;
        assert!(matches!(taken, Err(ChangeUserError::EmailTaken(holder)) if holder == ada));
        // Its own is free to it, in another case.
        let own = update(&store, &acme, ada, &[("email", "Ada@example.com")]).await;
        assert_eq!(own.unwrap().fields.email.as_str(), "Ada@example.com");
        users.delete(ada, acme.origin()).await.unwrap();
        store.user(acme.workspace, "ada@example.com").await;
    });
}

#[test]
fn of_two_users_who_take_an_address_at_once_one_gets_it() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.workspace("acme").await;
        let create = || {
            let users = users_of(&store, acme);
            tokio::spawn(async move { users.create(named("ada@example.com"), None).await })
        };
        for _ in 0..10 {
            store
                .database
                .execute("UPDATE users SET deleted_at = now()");
            let (one, other) = (create(), create());
            let results = [one.await.unwrap(), other.await.unwrap()];
            let created = results.iter().filter(|result| result.is_ok()).count();
            let taken = results
                .iter()
                .filter(|result| matches!(result, Err(ChangeUserError::EmailTaken(_))));
            assert_eq!((created, taken.count()), (1, 1));
        }
    });
}

#[test]
fn living_users_are_listed_oldest_first_of_one_workspace_or_all() {
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
fn users_are_found_by_the_beginnings_of_their_names_and_addresses_without_accents() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let ada = store.user(acme.workspace, "ada@example.com").await;
        let names = [("first_name", "Zoé"), ("last_name", "Łukasiewicz-Ørsted")];
        let zoe = store.user(acme.workspace, "z.l@example.org").await;
        update(&store, &acme, zoe, &names).await.unwrap();
        let find = async |text: &str| {
            let search = Search::parse(text).unwrap();
            let paging = PageRequest {
                limit: 10,
                start: PageStart::Offset(0),
            };
            let page = users_of(&store, acme.workspace)
                .list(search, paging)
                .await
                .unwrap();
            page.items.iter().map(|user| user.id).collect::<Vec<_>>()
        };
        assert_eq!(find("zoe").await, [zoe]);
        assert_eq!(find("LUKAS orst").await, [zoe]);
        assert_eq!(find("exam").await, [zoe, ada]);
        assert_eq!(find("zoe ada").await, []);
    });
}

#[test]
fn a_user_whom_devices_are_given_to_stays_and_one_who_goes_is_given_none_meanwhile() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        for round in 0..20 {
            let user = store
                .user(acme.workspace, &format!("ada{round}@example.com"))
                .await;
            let users = users_of(&store, acme.workspace);
            let (origin, writer) = (acme.origin(), acme.clone());
            let delete = tokio::spawn(async move { users.delete(user, origin).await });
            let by_email = round % 2 == 0;
            let give = tokio::spawn(async move {
                let named = match by_email {
                    true => (
                        "user_email",
                        RawValue::text(format!("ADA{round}@example.com")),
                    ),
                    false => ("user_id", RawValue::Integer(user.0)),
                };
                writer.create(vec![device_of([named])]).await
            });
            let (deleted, given) = (delete.await.unwrap(), give.await.unwrap());
            match deleted {
                Ok(_) => assert!(given.is_err(), "round {round}"),
                Err(ChangeUserError::HasDevices) => assert!(given.is_ok(), "round {round}"),
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        let orphans = store.database.texts(
            "SELECT devices.id FROM devices JOIN users ON users.id = devices.user_id \
             WHERE users.deleted_at IS NOT NULL",
        );
        assert_eq!(orphans, Vec::<String>::new());
    });
}

#[test]
fn what_is_done_to_a_user_is_told_with_the_names_of_the_fields_that_changed() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        let users = users_of(&store, acme.workspace);
        let ada = users.create(named("ada@example.com"), Some(acme.origin()));
        let ada = ada.await.unwrap().id;
        let fields = [
            ("last_name", "Lovelace"),
            ("role", "ADMIN"),
            ("email", "ada@example.com"),
        ];
        update(&store, &acme, ada, &fields).await.unwrap();
        // Nothing changes: nothing is told.
        update(&store, &acme, ada, &fields).await.unwrap();
        users.delete(ada, acme.origin()).await.unwrap();
        let gone = users.delete(ada, acme.origin()).await;
        assert!(matches!(gone, Err(ChangeUserError::NotFound)));
        let filter = EventFilter::default();
        let events = store.events().list(acme.workspace, filter).await.unwrap();
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.action, event.user_id, event.fields.join(" ")))
            .collect();
        assert_eq!(
            told,
            [
                (Action::Created, Some(ada), String::new()),
                (Action::Updated, Some(ada), "last_name role".to_owned()),
                (Action::Deleted, Some(ada), String::new()),
            ]
        );
    });
}
