//! Begins transactions, and rolls them back.

use devices_domain::TraceContext;
use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;

use crate::postgres::transaction::sampled_trace::SampledTrace;

const BEGIN: &str = "BEGIN";
const BEGIN_SNAPSHOT: &str = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Begins a transaction. If it is part of a sampled trace, its statements have the trace as their
/// `application_name`, in `pg_stat_activity` and in PostgreSQL's log (ADR 44).
pub(crate) fn begin(
    connection: &mut PgConnection,
    trace: Option<&SampledTrace>,
) -> QueryResult<()> {
    begin_with(connection, BEGIN, trace)
}

/// Runs read-only `work` in a transaction whose statements all see the same snapshot.
pub(crate) fn in_snapshot<T>(
    connection: &mut PgConnection,
    trace: Option<&SampledTrace>,
    work: impl FnOnce(&mut PgConnection) -> QueryResult<T>,
) -> QueryResult<T> {
    let _span = trace.map(SampledTrace::enter_transaction);
    begin_with(connection, BEGIN_SNAPSHOT, trace)?;
    let result = work(connection);
    if result.is_ok() {
        AnsiTransactionManager::commit_transaction(connection)?;
    } else {
        roll_back(connection);
    }
    result
}

/// Rolls back the current transaction.
pub(crate) fn roll_back(connection: &mut PgConnection) {
    // If the rollback fails, the connection is lost, and the server rolls back by itself.
    if let Err(error) = AnsiTransactionManager::rollback_transaction(connection) {
        tracing::debug!(%error, "cannot roll back a transaction");
    }
}

fn begin_with(
    connection: &mut PgConnection,
    begin: &str,
    trace: Option<&SampledTrace>,
) -> QueryResult<()> {
    match trace {
        None => AnsiTransactionManager::begin_transaction_sql(connection, begin),
        Some(trace) => {
            let traced = format!("{begin}; {}", set_application_name(trace.context));
            AnsiTransactionManager::begin_transaction_sql(connection, &traced)
        }
    }
}

/// Returns the statement that names a trace, until the end of the transaction. Sent with BEGIN, it
/// costs no round trip, and reaches the same session through a pooler. The ids consist of
/// hexadecimal digits, and the name fits into PostgreSQL's 63 bytes.
fn set_application_name(trace: TraceContext) -> String {
    let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
    format!("SET LOCAL application_name = 'devices-api {trace_id}-{span_id}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn application_name_is_not_truncated() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let statement = set_application_name(TraceContext::parse(header).unwrap());
        let name = statement.split('\'').nth(1).unwrap();
        assert_eq!(
            name,
            "devices-api 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
        );
        assert!(name.len() <= 63);
    }
}
