//! Audit events of exports.

use devices_domain::{Action, Author, DeviceFilter, PageRequest, PageStart, Subject, WorkspaceId};
use diesel::QueryResult;
use diesel::pg::PgConnection;

use super::select;
use crate::postgres::audit_events::NewEvent;

/// Stores the event of an export: the names of its filters, and the number of its devices.
pub(crate) fn record(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    author: &Author,
) -> QueryResult<()> {
    let first = PageRequest {
        limit: 1,
        start: PageStart::Offset(0),
    };
    let matching = select::list_ids(connection, workspace, filter, first)?;
    NewEvent::new(Action::Exported, Subject::Workspace)
        .with_fields(filter.condition_names())
        .with_count(matching.total.is_exact.then_some(matching.total.count))
        .insert_audit_event(connection, workspace, author)
}
