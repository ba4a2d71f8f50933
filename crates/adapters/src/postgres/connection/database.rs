//! The database: a connection pool that all repositories share fairly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use devices_domain::{Admission, WorkspaceId};
use r2d2::Pool;
use tokio::runtime::Handle;

use crate::postgres::connection::connect::{ConnectError, connect, with_parameters};
use crate::postgres::connection::fair_semaphore::{FairSemaphore, Purpose};
use crate::postgres::connection::health;
use crate::postgres::connection::options::DatabaseOptions;
use crate::postgres::connection::pool::{ConnectionManager, LogPoolErrors};
use crate::postgres::connection::shared_probe::SharedProbe;
use crate::postgres::schema::startup_checks::check_scripts;
use crate::postgres::schema::versions::SchemaWatch;

/// A connection pool, used on blocking threads only. Clones share the pool.
///
/// A handle takes connections for one purpose. A new one is for jobs and administration. The
/// repositories of a workspace take them for that workspace, so that no workspace can hold all.
///
/// Connections are established on demand, and again after they were lost. The server therefore
/// needs no restart after the database was unavailable.
#[derive(Clone)]
pub struct Database {
    pub(crate) pool: Pool<ConnectionManager>,
    /// One permit per connection: a blocking thread starts only when it will get a connection.
    pub(crate) permits: Arc<FairSemaphore>,
    pub(crate) purpose: Purpose,
    pub(crate) health: Arc<SharedProbe>,
    pub(crate) schema: Arc<SchemaWatch>,
    pool_timeout: Duration,
    answer_timeout: Duration,
    writes: Arc<AtomicU64>,
    runtime: Option<Handle>,
    /// Admission of the request for which the handle is used.
    admission: Option<Arc<Admission>>,
}

/// Time between two attempts to connect to a server that does not accept connections yet.
const CONNECT_INTERVAL: Duration = Duration::from_millis(250);

impl Database {
    /// Creates a pool that connects to `url` on first use.
    ///
    /// # Errors
    /// If `url` is not a PostgreSQL URL.
    pub fn new(url: &str, options: &DatabaseOptions) -> Result<Self, ConnectError> {
        let url = with_parameters(url)?;
        let manager = || ConnectionManager::new(url.clone(), options.clone());
        let pool = Pool::builder()
            .max_size(options.pool_size)
            .min_idle(Some(0))
            .connection_timeout(options.pool_timeout)
            .error_handler(Box::new(LogPoolErrors))
            .build_unchecked(manager());
        let schema = Arc::<SchemaWatch>::default();
        Ok(Self {
            pool,
            health: Arc::new(health::probe(manager(), Arc::clone(&schema))),
            schema,
            permits: FairSemaphore::new(options.pool_size as usize),
            purpose: Purpose::Job,
            pool_timeout: options.pool_timeout,
            answer_timeout: options.pool_timeout + options.statement_timeout * 2,
            writes: Arc::default(),
            runtime: Handle::try_current().ok(),
            admission: None,
        })
    }

    /// Returns a handle for the work of a workspace. It uses at most half of the connections.
    pub(crate) fn for_workspace(&self, workspace: WorkspaceId) -> Self {
        self.for_purpose(Purpose::Request(workspace))
    }

    /// Returns a handle for the work of one request. It decides the admission of the request with
    /// the first connection.
    pub(crate) fn for_request(&self, admission: Arc<Admission>) -> Self {
        Self {
            purpose: Purpose::Request(admission.actor().workspace),
            admission: Some(admission),
            ..self.clone()
        }
    }

    /// Returns the admission of the request for which the handle is used.
    pub(crate) fn admission(&self) -> Option<&Arc<Admission>> {
        self.admission.as_ref()
    }

    /// Returns a handle for looking up API keys, for which connections are reserved.
    pub(crate) fn for_key_lookups(&self) -> Self {
        self.for_purpose(Purpose::KeyLookup)
    }

    /// Returns a handle for jobs, which count towards the share of no workspace.
    pub(crate) fn for_jobs(&self) -> Self {
        self.for_purpose(Purpose::Job)
    }

    /// Returns a handle for the searches, lists and exports of the same workspace.
    pub(crate) fn for_queries(&self) -> Self {
        match self.purpose {
            Purpose::Request(workspace) => self.for_purpose(Purpose::Query(workspace)),
            purpose => self.for_purpose(purpose),
        }
    }

    fn for_purpose(&self, purpose: Purpose) -> Self {
        Self {
            purpose,
            ..self.clone()
        }
    }

    /// Connects once, without the pool, to report an unusable database at startup.
    ///
    /// # Errors
    /// If the connection fails, or if the database stores or searches only some scripts.
    pub fn probe(url: &str) -> Result<(), ConnectError> {
        check_scripts(&mut connect(url)?)
    }

    /// Like [`probe`](Self::probe), but waits for at most `timeout` until the server accepts
    /// connections. Calls `on_wait` once, before it begins to wait.
    ///
    /// # Errors
    /// Like [`probe`](Self::probe). An error that waiting does not solve, such as a wrong password,
    /// is returned at once.
    pub async fn probe_until_accepting(
        url: &str,
        timeout: Duration,
        on_wait: impl FnOnce(&ConnectError),
    ) -> Result<(), ConnectError> {
        let deadline = Instant::now() + timeout;
        let mut on_wait = Some(on_wait);
        loop {
            match Self::probe(url) {
                Err(error @ ConnectError::NotAccepting(_)) => {
                    if Instant::now() + CONNECT_INTERVAL > deadline {
                        return Err(error);
                    }
                    if let Some(on_wait) = on_wait.take() {
                        on_wait(&error);
                    }
                    tokio::time::sleep(CONNECT_INTERVAL).await;
                }
                result => return result,
            }
        }
    }

    /// Returns the number of write transactions started so far.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Counts a write transaction.
    pub(crate) fn count_write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    /// Runtime that runs the work: the one in which the database was created. A caller may run on a
    /// runtime that ends before its work does, such as that of an HTTP worker during shutdown.
    /// `None`: that of the caller.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }

    /// Maximum wait for a free connection.
    pub(crate) fn pool_timeout(&self) -> Duration {
        self.pool_timeout
    }

    /// Maximum wait for the server's answer, including the wait for a connection.
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }
}
