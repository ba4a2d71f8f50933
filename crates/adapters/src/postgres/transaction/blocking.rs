//! Runs database work on blocking threads.

use std::sync::Arc;
use std::time::Instant;

use devices_domain::RepositoryError;
use diesel::QueryResult;
use diesel::pg::PgConnection;
use diesel::r2d2::R2D2Connection;
use tokio::task::JoinHandle;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::connection::fair_semaphore::Permit;
use crate::postgres::connection::pool::ConnectionManager;
use crate::postgres::keys::admit;
use crate::postgres::transaction::begin::in_snapshot;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::sampled_trace::SampledTrace;

/// Right to use one connection, on a blocking thread.
pub(crate) struct Lease {
    // Dropped first: the connection is back in the pool before another lease counts on it.
    pooled: Option<r2d2::PooledConnection<ConnectionManager>>,
    _permit: Permit,
    database: Database,
    requested_at: Instant,
    /// Trace of the request for which the connection is used, if it is sampled.
    trace: Option<SampledTrace>,
}

impl Lease {
    /// Returns the connection; takes it from the pool on the first call.
    ///
    /// # Errors
    /// [`Unavailable`](RepositoryError::Unavailable) if no connection can be established, or if the
    /// last health check found a newer schema: this version could store what the newer one rejects.
    /// [`NotAdmitted`](RepositoryError::NotAdmitted) if the [request](Database::for_request) is not
    /// admitted.
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, RepositoryError> {
        let pooled = match &mut self.pooled {
            Some(pooled) => pooled,
            pooled => {
                let mut connected = self.database.connect(self.requested_at)?;
                self.database.admit(&mut connected.connection)?;
                pooled.insert(connected)
            }
        };
        Ok(&mut pooled.connection)
    }

    /// Returns whether a statement may commit by itself, without a transaction. Takes the
    /// connection from the pool on the first call.
    ///
    /// Behind a pooler, nothing shows whether the backend of a lost connection has ended. The
    /// statements of a sampled request need a transaction, which names its trace.
    ///
    /// # Errors
    /// Like [`connection`](Self::connection).
    pub(crate) fn may_skip_transaction(&mut self) -> Result<bool, RepositoryError> {
        self.connection()?;
        let pooled = self.pooled.as_ref();
        let has_own_backend = pooled.is_some_and(|pooled| pooled.backend_pid.is_some());
        Ok(has_own_backend && self.trace.is_none())
    }

    /// Returns the trace of the request for which the connection is used, if it is sampled.
    pub(crate) fn trace(&self) -> Option<&SampledTrace> {
        self.trace.as_ref()
    }

    /// Sets the trace of the request for which the connection is used next.
    pub(crate) fn set_trace(&mut self, trace: Option<SampledTrace>) {
        self.trace = trace;
    }

    /// Returns the PID of the backend, if the connection is lost: it may still execute a statement.
    pub(crate) fn lost_backend_pid(&mut self) -> Option<i32> {
        let pid = self.pooled.as_ref()?.backend_pid;
        pid.filter(|_| self.is_lost())
    }

    /// Returns whether the connection is lost.
    pub(crate) fn is_lost(&mut self) -> bool {
        let pooled = self.pooled.as_mut();
        pooled.is_some_and(|pooled| pooled.connection.ping().is_err())
    }
}

impl Database {
    /// Runs `work` with a connection on a blocking thread. Uses no more threads than the pool has
    /// connections.
    ///
    /// Once the work has a thread, the caller waits at most for the
    /// [answer timeout](Self::answer_timeout): a server that hangs does not cancel its statements.
    /// The work runs to completion even if the caller times out or is cancelled.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        self.run_gated(|connection, _| work(connection)).await
    }

    /// Runs read-only `work` in one transaction, whose statements all see the same snapshot.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.run_leased(move |lease, _| {
            let trace = lease.trace().cloned();
            in_snapshot(lease.connection()?, trace.as_ref(), work).map_err(classify)
        })
        .await
    }

    /// Like [`read`](Self::read), for the searches, lists and exports of a workspace: they use only
    /// some of its connections, and of all connections.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.for_queries().read(work).await
    }

    /// Like [`run`](Self::run), for work that passes the [`CommitGate`] before it commits. A
    /// timeout is [`Unavailable`](RepositoryError::Unavailable) only if the work can no longer
    /// commit, otherwise [`InDoubt`](RepositoryError::InDoubt).
    pub(crate) async fn run_gated<T, E>(
        &self,
        work: impl FnOnce(&mut PgConnection, &CommitGate) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        self.run_leased(|lease, gate| work(lease.connection()?, gate))
            .await
    }

    /// Like [`run_gated`](Self::run_gated), for work that uses the [`Lease`].
    pub(crate) async fn run_leased<T, E>(
        &self,
        work: impl FnOnce(&mut Lease, &CommitGate) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<RepositoryError> + Send + 'static,
    {
        let lease = tokio::time::timeout(self.pool_timeout(), self.lease()).await;
        let mut lease = lease.unwrap_or_else(|_| {
            self.count_pool_timeout();
            let cause = "timeout while waiting for a free connection";
            Err(RepositoryError::Unavailable(cause.into()))
        })?;
        let gate = Arc::new(CommitGate::default());
        let thread = {
            let gate = Arc::clone(&gate);
            self.spawn_blocking(move || work(&mut lease, &gate))
        };
        let joined = tokio::time::timeout(self.answer_timeout(), thread).await;
        let joined = joined.map_err(|_| gate.timeout_error())?;
        // The panic message is left out: it can contain a customer value.
        joined.map_err(|_| RepositoryError::Failed("database work panicked".into()))?
    }

    /// Waits for a lease.
    pub(crate) async fn lease(&self) -> Result<Lease, RepositoryError> {
        let requested_at = Instant::now();
        let permit = self.permits.acquire(self.purpose).await;
        let permit = permit.map_err(|closed| RepositoryError::Failed(closed.into()))?;
        Ok(self.lease_with(permit, requested_at))
    }

    /// Takes a lease, if one is available at once.
    pub(crate) fn try_lease(&self) -> Option<Lease> {
        let permit = self.permits.try_acquire(self.purpose)?;
        Some(self.lease_with(permit, Instant::now()))
    }

    fn lease_with(&self, permit: Permit, requested_at: Instant) -> Lease {
        Lease {
            pooled: None,
            _permit: permit,
            database: self.clone(),
            requested_at,
            trace: self
                .admission()
                .and_then(|admission| admission.sampled_trace())
                .map(SampledTrace::of_current_request),
        }
    }

    /// Takes a connection from the pool, for a permit that was requested at this time.
    fn connect(
        &self,
        requested_at: Instant,
    ) -> Result<r2d2::PooledConnection<ConnectionManager>, RepositoryError> {
        if self.schema.is_newer() {
            let cause = "a newer version of this program updated the schema";
            return Err(RepositoryError::Unavailable(cause.into()));
        }
        let pooled = self.pool.get();
        let pooled = pooled.map_err(|error| RepositoryError::Unavailable(error.into()))?;
        let class = self.purpose.class();
        metrics::histogram!("devices_pool_wait_seconds", "class" => class)
            .record(requested_at.elapsed());
        Ok(pooled)
    }

    /// Decides the admission of the request for which the handle is used, if there is one.
    fn admit(&self, connection: &mut PgConnection) -> Result<(), RepositoryError> {
        let Some(admission) = self.admission() else {
            return Ok(());
        };
        admit::decide(connection, admission.actor().workspace, &[admission])?;
        if admission.is_admitted() {
            Ok(())
        } else {
            Err(RepositoryError::NotAdmitted)
        }
    }

    /// Counts a request that got no connection in time.
    pub(crate) fn count_pool_timeout(&self) {
        let class = self.purpose.class();
        metrics::counter!("devices_pool_timeouts_total", "class" => class).increment(1);
    }

    /// Runs `task` on a blocking thread of the [runtime of the database](Self::runtime).
    pub(crate) fn spawn_blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match self.runtime() {
            Some(runtime) => runtime.spawn_blocking(task),
            None => tokio::task::spawn_blocking(task),
        }
    }

    /// Runs `task` on the [runtime of the database](Self::runtime).
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        match self.runtime() {
            Some(runtime) => runtime.spawn(task),
            None => tokio::spawn(task),
        }
    }
}
