//! Integration tests of the ports on a real PostgreSQL, and of the rules of the schema.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod admission;
mod audit_events;
mod audit_trail;
mod batches;
mod conversion;
mod devices;
mod distribute;
mod enrollments;
mod erasure;
mod event_feed;
mod group_commit;
mod idempotency_keys;
mod keys;
mod migration_rules;
mod migration_steps;
mod migrations;
mod prepared;
mod rate_limits;
mod retention;
mod schema;
mod serving_role;
mod session;
mod sessions;
mod statements;
mod statistics;
mod usage_counts;
mod users;
mod workspace_deletion;
mod workspace_keys;
mod workspaces;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use devices_adapters::postgres::{
    Database, DatabaseOptions, PostgresEvents, PostgresKeys, PostgresRateLimiter, PostgresStore,
    PostgresWorkspaces, SessionSettings,
};
use devices_domain::{
    Author, Conflicts, CreateError, DeviceRepository, Email, EnrollmentRepository, Event,
    EventFilter, EventRepository, IdempotentRequest, InsertedDevice, Interface, KeyId,
    KeyRepository, NewBatch, NewDevice, NewWorkspace, Operator, Origin, Quotas, RawRow, RawValue,
    RenderResponse, Store, StoreResult, UserFields, UserId, UserRepository, WorkspaceId,
    WorkspaceRepository,
};
use devices_tests::TestDatabase;

/// The database of one test, and the pools that the ports use.
struct TestStore {
    /// Pool with the privileges of the serving role.
    pool: Database,
    /// Pool with all privileges.
    administration: Database,
    database: TestDatabase,
}

impl TestStore {
    fn new() -> Self {
        Self::open(TestDatabase::new())
    }

    /// Opens pools on a database that was just migrated.
    fn on(database: TestDatabase) -> Self {
        database.grant_serving_role();
        Self::open(database)
    }

    fn open(database: TestDatabase) -> Self {
        statements::start_checking();
        let pool = Database::new(database.url(), &options()).unwrap();
        let all_privileges = DatabaseOptions {
            session: SessionSettings::PerConnection { serve_only: false },
            ..options()
        };
        let administration = Database::new(database.url(), &all_privileges).unwrap();
        Self {
            pool,
            administration,
            database,
        }
    }

    /// Replaces the serving pool by one with these options.
    fn with_options(mut self, options: DatabaseOptions) -> Self {
        self.pool = Database::new(self.database.url(), &options).unwrap();
        self
    }

    fn keys(&self) -> PostgresKeys {
        PostgresKeys::new(self.administration.clone())
    }

    fn store(&self) -> PostgresStore {
        PostgresStore::new(self.pool.clone(), unlimited())
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

    /// Returns the audit events of requests, without those of the commands that prepare a test.
    async fn request_events(&self, workspace: WorkspaceId) -> Vec<Event> {
        let events = self.events();
        let mut events = events
            .list(workspace, EventFilter::default())
            .await
            .unwrap();
        events.retain(|event| event.operator.is_none());
        events
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
        let created = self.workspaces().create(new, operator()).await.unwrap();
        created.expect("the name is not taken").id
    }

    async fn key(&self, workspace: WorkspaceId) -> KeyId {
        let key = self
            .keys()
            .create(keys::key(workspace, 1), 100, operator())
            .await;
        key.unwrap().id
    }

    /// Creates a workspace and a key that writes to it.
    async fn writer(&self, name: &str) -> Writer {
        let workspace = self.workspace(name).await;
        Writer {
            devices: self.devices(workspace),
            workspace,
            key: self.key(workspace).await,
            interface: Interface::Api,
        }
    }

    async fn user(&self, workspace: WorkspaceId, email: &str) -> UserId {
        let user = UserFields::new(Email::from_trusted(email.to_owned()));
        let created = self
            .users(workspace)
            .create(user, Author::Command(operator()))
            .await;
        created.unwrap().id
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            statements::assert_no_violations();
        }
    }
}

/// A client that writes devices to one workspace.
#[derive(Clone)]
struct Writer {
    workspace: WorkspaceId,
    key: KeyId,
    interface: Interface,
    devices: Arc<dyn DeviceRepository>,
}

impl Writer {
    async fn create(&self, devices: Vec<NewDevice>) -> Result<Vec<InsertedDevice>, CreateError> {
        match self.store(devices, None).await? {
            StoreResult::Devices { inserted, .. } => Ok(inserted),
            StoreResult::Response(response) => panic!("unexpected response {response:?}"),
        }
    }

    async fn store(
        &self,
        devices: Vec<NewDevice>,
        idempotency: Option<(IdempotentRequest, RenderResponse)>,
    ) -> Result<StoreResult, CreateError> {
        let batch = NewBatch {
            devices,
            origin: self.origin(),
            idempotency,
        };
        self.devices.create(Arc::new(batch)).await
    }

    fn origin(&self) -> Origin {
        Origin {
            key: self.key,
            request_id: "request-1".to_owned(),
            client_request_id: Some("job-17".to_owned()),
            interface: self.interface,
        }
    }

    async fn conflicts(&self, devices: Vec<NewDevice>) -> Conflicts {
        match self.create(devices).await {
            Err(CreateError::Conflicts(conflicts)) => *conflicts,
            other => panic!("expected conflicts, got {other:?}"),
        }
    }
}

fn unlimited() -> Quotas {
    Quotas {
        users: u64::MAX,
        enrollments: u64::MAX,
        keys: u32::MAX,
        response_bytes: u64::MAX,
    }
}

fn operator() -> Operator {
    Operator::new("root")
}

fn options() -> DatabaseOptions {
    DatabaseOptions {
        pool_size: 4,
        pool_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(30),
        plan_lifetime: Duration::from_secs(5),
        serving_role: None,
        session: SessionSettings::PerConnection { serve_only: true },
    }
}

/// Runs the future of a test on a runtime, whose threads the ports use.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

/// Creates a device from text fields, and defaults for the required fields.
fn device(fields: &[(&'static str, &'static str)]) -> NewDevice {
    device_of(
        fields
            .iter()
            .map(|(name, text)| (*name, RawValue::text(*text))),
    )
}

/// Creates a device from fields of any type, and defaults for the required fields.
fn device_of<'a>(fields: impl IntoIterator<Item = (&'a str, RawValue<'a>)>) -> NewDevice {
    let mut row = RawRow::for_device();
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
