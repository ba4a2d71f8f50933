//! Runs database work on blocking threads.

use std::sync::Arc;
use std::time::Instant;

use devices_domain::RepositoryError;
use diesel::QueryResult;
use diesel::pg::PgConnection;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::connection::fair_semaphore::Permit;
use crate::postgres::transaction::commit_gate::CommitGate;

impl Database {
    /// Runs `work` with a connection on a blocking thread. Uses no more threads than the pool has
    /// connections. Runs nothing if the last health check found a newer schema: this version could
    /// store what the newer one rejects.
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
        work: impl Fn(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.run(move |connection| {
            let mut transaction = connection.build_transaction().repeatable_read().read_only();
            transaction.run(work).map_err(classify)
        })
        .await
    }

    /// Like [`read`](Self::read), for the searches, lists and exports of a workspace: they use only
    /// some of its connections, and of all connections.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        work: impl Fn(&mut PgConnection) -> QueryResult<T> + Send + 'static,
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
        if self.schema.is_newer() {
            let cause = "a newer version of this program updated the schema";
            return Err(RepositoryError::Unavailable(cause.into()).into());
        }
        let started_at = Instant::now();
        let permit = self.acquire().await?;
        let class = self.purpose.class();
        let pool = self.pool.clone();
        let gate = Arc::new(CommitGate::default());
        let thread = {
            let gate = Arc::clone(&gate);
            tokio::task::spawn_blocking(move || {
                let _permit = permit;
                let mut pooled = pool
                    .get()
                    .map_err(|error| RepositoryError::Unavailable(error.into()))?;
                metrics::histogram!("devices_pool_wait_seconds", "class" => class)
                    .record(started_at.elapsed());
                work(&mut pooled.connection, &gate)
            })
        };
        let joined = tokio::time::timeout(self.answer_timeout(), thread)
            .await
            .map_err(|_| {
                if gate.abandon() {
                    RepositoryError::Unavailable("the database did not respond in time".into())
                } else {
                    RepositoryError::InDoubt(
                        "the database did not respond to COMMIT in time".into(),
                    )
                }
            })?;
        // The panic message is left out: it can contain a customer value.
        joined.map_err(|_| RepositoryError::Failed("database work panicked".into()))?
    }

    /// Waits for a permit to use a connection, up to the [pool timeout](Self::pool_timeout).
    async fn acquire(&self) -> Result<Permit, RepositoryError> {
        let permit = self.permits.acquire(self.purpose);
        let permit = tokio::time::timeout(self.pool_timeout(), permit).await;
        let permit = permit.map_err(|_| {
            let class = self.purpose.class();
            metrics::counter!("devices_pool_timeouts_total", "class" => class).increment(1);
            RepositoryError::Unavailable("timeout while waiting for a free connection".into())
        })?;
        permit.map_err(|closed| RepositoryError::Failed(closed.into()))
    }
}
