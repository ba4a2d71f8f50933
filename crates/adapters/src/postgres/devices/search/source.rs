//! Subqueries that return the search documents which a statement compares, and the SELECT around
//! them.

use devices_domain::{DeviceFilter, WorkspaceId};

use super::range::{Order, Range};
use super::terms::Terms;
use crate::postgres::devices::filter;
use crate::postgres::query::statement::{Statement, Value};

/// A search in the devices of one workspace.
pub(super) struct Query<'a> {
    pub(super) workspace: WorkspaceId,
    pub(super) filter: &'a DeviceFilter,
    pub(super) terms: &'a Terms,
}

impl Query<'_> {
    /// Returns an empty statement whose `$1` is the workspace.
    pub(super) fn statement(&self) -> Statement {
        let mut statement = Statement::default();
        statement.bind(Value::Integer(self.workspace.0));
        statement
    }

    /// Appends `FROM source AS found WHERE ...` with the conditions of the search. `source` is a
    /// subquery with the columns of `search_documents`.
    pub(super) fn push_from(&self, source: &str, statement: &mut Statement) {
        statement.push(&format!(" FROM ({source}) AS found"));
        if filter::needs_devices(self.filter) {
            statement.push(DEVICE_OF_DOCUMENT);
        }
        let condition = self.terms.condition(statement);
        statement.push(&format!(" WHERE {condition}"));
        filter::push_conditions(statement, self.filter, "found");
    }
}

/// Joins the device of each found document. LATERAL with LIMIT probes the primary key for each. The
/// planner would otherwise read all devices if it expects many documents to match (ADR 7).
pub(super) const DEVICE_OF_DOCUMENT: &str = " CROSS JOIN LATERAL ( \
    SELECT * FROM devices AS owner \
    WHERE owner.workspace_id = $1 AND owner.id = found.device_id LIMIT 1) AS devices";

/// Returns the subquery of the first `max` documents of a range, in its order.
pub(super) fn first_documents(range: &Range, max: u64, statement: &mut Statement) -> String {
    let condition = range.condition("device_id", statement);
    let max = statement.bind(Value::Integer(max.try_into().unwrap_or(i64::MAX)));
    let direction = range.order.direction();
    format!(
        "SELECT * FROM search_documents WHERE workspace_id = $1 AND {condition} \
         ORDER BY workspace_id {direction}, device_id {direction} LIMIT {max}"
    )
}

/// Returns the ORDER BY clause for the ids of found documents.
pub(super) fn order_by_id(order: Order) -> String {
    format!(" ORDER BY found.device_id {}", order.direction())
}
