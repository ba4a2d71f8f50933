//! Checks that the database can serve.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use devices_domain::{RepositoryError, StoreHealth};
use diesel::connection::InstrumentationEvent;
use diesel::dsl::sql;
use diesel::pg::PgConnection;
use diesel::sql_types::Bool;
use diesel::{Connection, RunQueryDsl};
use r2d2::ManageConnection;

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::connection::pool::{ConnectionManager, describe};
use crate::postgres::connection::shared_probe::SharedProbe;
use crate::postgres::schema::versions::SchemaWatch;

/// Time for which the result of a check is reused.
const TTL: Duration = Duration::from_secs(1);

/// Time in which the database must respond to a check.
const TIMEOUT: Duration = Duration::from_secs(2);

#[async_trait]
impl StoreHealth for Database {
    async fn ping(&self) -> Result<(), RepositoryError> {
        let result = self.health.result().await;
        result.map_err(|error| RepositoryError::Unavailable(error.into()))
    }
}

/// Creates the probe of a database. It uses a connection of its own: a busy pool is no reason to
/// stop sending requests to the server.
pub(crate) fn probe(manager: ConnectionManager, schema: Arc<SchemaWatch>) -> SharedProbe {
    let idle = Mutex::new(None);
    SharedProbe::new(TTL, TIMEOUT, move || {
        // The connection may have been lost, or lead to a server that is no longer the primary. A
        // new one decides.
        let reused = idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let usable = reused.and_then(|mut connection| {
            let checked = check_writable(&mut connection);
            checked.is_ok().then_some(connection)
        });
        let mut connection = match usable {
            Some(connection) => connection,
            None => connect(&manager)?,
        };
        let checked = schema.check(&mut connection);
        *idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection);
        checked
    })
}

/// Establishes and checks a connection.
fn connect(manager: &ConnectionManager) -> Result<PgConnection, String> {
    let mut connection = manager.connect().map_err(describe)?.connection;
    // Its statements are not those of any request.
    connection.set_instrumentation(|_: InstrumentationEvent<'_>| {});
    let checked = check_writable(&mut connection);
    checked.map_err(|error| error.to_string())?;
    Ok(connection)
}

fn check_writable(connection: &mut PgConnection) -> Result<(), RepositoryError> {
    let is_writable = sql::<Bool>("NOT current_setting('transaction_read_only')::boolean");
    let is_writable: bool = diesel::select(is_writable)
        .get_result(connection)
        .map_err(classify)?;
    if is_writable {
        Ok(())
    } else {
        Err(RepositoryError::Unavailable(
            "the database is read-only".into(),
        ))
    }
}
