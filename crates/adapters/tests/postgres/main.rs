//! The ports on a real PostgreSQL: what each method promises, and what the schema holds to.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod audit_events;
mod devices;
mod distribute;
mod enrollments;
mod group_commit;
mod idempotency_keys;
mod keys;
mod migrations;
mod rate_limits;
mod reads;
mod schema;
mod serving_role;
mod session;
mod statements;
mod users;
mod workspaces;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use devices_adapters::postgres::{
    Database, DatabaseOptions, PostgresEvents, PostgresKeys, PostgresRateLimiter, PostgresStore,
    PostgresWorkspaces, SessionSettings,
};
use devices_domain::{
    Conflicts, CreateError, DeviceRepository, Email, EnrollmentRepository, IdempotentRequest,
    InsertedDevice, KeyId, KeyRepository, NewBatch, NewDevice, NewWorkspace, Origin, RawRow,
    RawValue, RenderResponse, Store, StoreResult, UserFields, UserId, UserRepository, WorkspaceId,
    WorkspaceRepository,
};
use devices_tests::TestDatabase;

/// A database of the test's own, and the pool that the ports use it by.
struct TestStore {
    /// With the rights that serving needs.
    pool: Database,
    /// With all rights.
    administration: Database,
    database: TestDatabase,
}

impl TestStore {
    fn new() -> Self {
        statements::watch();
        let database = TestDatabase::new();
        let pool = Database::new(database.url(), &options()).unwrap();
        let all_rights = DatabaseOptions {
            session: SessionSettings::PerConnection { serve_only: false },
            ..options()
        };
        let administration = Database::new(database.url(), &all_rights).unwrap();
        Self {
            pool,
            administration,
            database,
        }
    }

    /// The same database by a new pool.
    fn with_options(mut self, options: DatabaseOptions) -> Self {
        self.pool = Database::new(self.database.url(), &options).unwrap();
        self
    }

    fn keys(&self) -> PostgresKeys {
        PostgresKeys::new(self.administration.clone())
    }

    fn store(&self) -> PostgresStore {
        PostgresStore::new(self.pool.clone())
    }

    fn users(&self, workspace: WorkspaceId) -> Box<dyn UserRepository> {
        self.store().for_workspace(workspace).users
    }

    fn enrollments(&self, workspace: WorkspaceId) -> Arc<dyn EnrollmentRepository> {
        self.store().for_workspace(workspace).enrollments.into()
    }

    fn workspaces(&self) -> PostgresWorkspaces {
        PostgresWorkspaces::new(self.administration.clone())
    }

    fn events(&self) -> PostgresEvents {
        PostgresEvents::new(self.pool.clone())
    }

    fn limiter(&self) -> PostgresRateLimiter {
        PostgresRateLimiter::new(self.pool.clone())
    }

    fn devices(&self, workspace: WorkspaceId) -> Arc<dyn DeviceRepository> {
        self.store().for_workspace(workspace).devices.into()
    }

    async fn workspace(&self, name: &str) -> WorkspaceId {
        let new = NewWorkspace {
            name: name.to_owned(),
            device_limit: None,
        };
        let created = self.workspaces().create(new).await.unwrap();
        created.expect("the name is free").id
    }

    async fn key(&self, workspace: WorkspaceId) -> KeyId {
        let key = self.keys().create(keys::key(workspace, 1), 100).await;
        key.unwrap().id
    }

    /// A workspace with a key to write to it with.
    async fn writer(&self, name: &str) -> Writer {
        let workspace = self.workspace(name).await;
        Writer {
            devices: self.devices(workspace),
            workspace,
            key: self.key(workspace).await,
        }
    }

    async fn user(&self, workspace: WorkspaceId, email: &str) -> UserId {
        let user = UserFields::new(Email::from_trusted(email.to_owned()));
        let created = self.users(workspace).create(user, None).await;
        created.unwrap().id
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            statements::assert_no_complaints();
        }
    }
}

/// Whoever writes devices.
#[derive(Clone)]
struct Writer {
    workspace: WorkspaceId,
    key: KeyId,
    devices: Arc<dyn DeviceRepository>,
}

impl Writer {
    async fn create(&self, devices: Vec<NewDevice>) -> Result<Vec<InsertedDevice>, CreateError> {
        match self.store(devices, None).await? {
            StoreResult::Devices(stored) => Ok(stored),
            StoreResult::Response(outcome) => panic!("no attempt was made: {outcome:?}"),
        }
    }

    async fn store(
        &self,
        devices: Vec<NewDevice>,
        once: Option<(IdempotentRequest, RenderResponse)>,
    ) -> Result<StoreResult, CreateError> {
        let batch = NewBatch {
            devices,
            origin: self.origin(),
            once,
        };
        self.devices.create(Arc::new(batch)).await
    }

    fn origin(&self) -> Origin {
        Origin {
            key: self.key,
            request_id: "request-1".to_owned(),
        }
    }

    async fn conflicts(&self, devices: Vec<NewDevice>) -> Conflicts {
        match self.create(devices).await {
            Err(CreateError::Conflicts(conflicts)) => *conflicts,
            other => panic!("no conflicts, but {other:?}"),
        }
    }
}

fn options() -> DatabaseOptions {
    DatabaseOptions {
        pool_size: 4,
        pool_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(30),
        session: SessionSettings::PerConnection { serve_only: true },
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
    for (name, value) in fields {
        row.set(name, value);
    }
    for (name, text) in [
        ("name", "XPS 13"),
        ("type", "laptop"),
        ("category", "computers"),
    ] {
        if *row.get(name) == RawValue::Absent {
            row.set(name, RawValue::text(text));
        }
    }
    NewDevice::from_row(&row).unwrap()
}
