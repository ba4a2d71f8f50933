//! The ports on a real PostgreSQL: what each method promises, and what the schema holds to.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod devices;
mod keys;
mod migrations;
mod schema;
mod users;
mod workspaces;

use std::future::Future;
use std::time::Duration;

use devices_adapters::postgres::{
    Database, DatabaseOptions, PostgresDeviceRepositories, PostgresKeys, PostgresUsers,
    PostgresWorkspaces,
};
use devices_domain::{
    DeviceRepositories, DeviceRepository, NewDevice, NewUser, NewWorkspace, RawRow, RawValue,
    UserId, UserRepository, WorkspaceId, WorkspaceRepository,
};
use devices_tests::TestDatabase;

/// A database of the test's own, and the pool that the ports use it by.
struct Store {
    pool: Database,
    database: TestDatabase,
}

impl Store {
    fn new() -> Self {
        let database = TestDatabase::new();
        let pool = Database::new(database.url(), &options()).unwrap();
        Self { pool, database }
    }

    /// The same database by a new pool.
    fn with(self, options: DatabaseOptions) -> Self {
        let pool = Database::new(self.database.url(), &options).unwrap();
        Self { pool, ..self }
    }

    fn keys(&self) -> PostgresKeys {
        PostgresKeys::new(self.pool.clone())
    }

    fn users(&self) -> PostgresUsers {
        PostgresUsers::new(self.pool.clone())
    }

    fn workspaces(&self) -> PostgresWorkspaces {
        PostgresWorkspaces::new(self.pool.clone())
    }

    fn devices(&self, workspace: WorkspaceId) -> Box<dyn DeviceRepository> {
        PostgresDeviceRepositories::new(self.pool.clone()).of_workspace(workspace)
    }

    async fn workspace(&self, name: &str) -> WorkspaceId {
        let new = NewWorkspace {
            name: name.to_owned(),
            device_limit: None,
        };
        let created = self.workspaces().create(new).await.unwrap();
        created.expect("the name is free").id
    }

    async fn user(&self, workspace: WorkspaceId, email: &str) -> UserId {
        let new = NewUser {
            workspace,
            email: email.to_owned(),
            first_name: None,
            last_name: None,
        };
        let created = self.users().create(new).await.unwrap();
        created.expect("the address is free").id
    }
}

fn options() -> DatabaseOptions {
    DatabaseOptions {
        pool_size: 4,
        pool_wait: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
    }
}

/// Runs a test's futures; the ports use threads of the runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

/// A device with these texts beside the required ones.
fn device(fields: &[(&'static str, &'static str)]) -> NewDevice {
    device_of(
        fields
            .iter()
            .map(|(name, text)| (*name, RawValue::text(*text))),
    )
}

fn device_of<'a>(fields: impl IntoIterator<Item = (&'a str, RawValue<'a>)>) -> NewDevice {
    let mut row = RawRow::new();
    row.set("name", RawValue::text("XPS 13"));
    row.set("type", RawValue::text("laptop"));
    row.set("category", RawValue::text("computers"));
    for (name, value) in fields {
        row.set(name, value);
    }
    NewDevice::from_row(&row).unwrap()
}
