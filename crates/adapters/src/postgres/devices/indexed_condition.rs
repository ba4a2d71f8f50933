//! Lists of the devices that have a status, no brand or a late change, of which each has an index.

use devices_domain::{ClientStatus, DeviceFilter, WorkspaceId};

use super::filter::push_conditions;
use crate::postgres::query::index_queries::IndexQuery;
use crate::postgres::query::statement::{Statement, Value};

/// The condition of a filter that has an index.
pub(super) struct IndexedCondition<'a> {
    workspace: WorkspaceId,
    filter: &'a DeviceFilter,
    /// The filter with this condition only.
    condition: DeviceFilter,
    /// Column of `devices` after the constants of the index.
    order: &'static str,
}

impl<'a> IndexedCondition<'a> {
    /// Returns `None` if no condition has an index.
    pub(super) fn new(workspace: WorkspaceId, filter: &'a DeviceFilter) -> Option<Self> {
        let status = filter.client_status.filter(|status| {
            matches!(
                status,
                ClientStatus::Archived | ClientStatus::InMaintenance | ClientStatus::OutOfService
            )
        });
        let without_brand = status.is_none() && filter.without_brand;
        let is_ordered_by_id = status.is_some() || without_brand;
        let updated_since = filter.updated_since.filter(|_| !is_ordered_by_id);
        let condition = DeviceFilter {
            client_status: status,
            without_brand,
            updated_since,
            ..DeviceFilter::default()
        };
        (condition != DeviceFilter::default()).then_some(Self {
            workspace,
            filter,
            condition,
            order: if is_ordered_by_id { "id" } else { "updated_at" },
        })
    }

    /// Selects at least the devices that meet the condition, from the index alone: that of the
    /// times of changes also has archived devices.
    pub(super) fn range(&self) -> Statement {
        let mut from = Statement::default();
        let workspace = from.bind(Value::Integer(self.workspace.0));
        if self.condition.updated_since.is_some() {
            from.push(&format!(
                " FROM devices WHERE devices.workspace_id = {workspace}"
            ));
            from.push_and_since("devices.updated_at", self.condition.updated_since);
        } else {
            self.push_devices(&mut from, &workspace);
        }
        from
    }

    /// Selects the devices that match the whole filter among the newest `max` that meet the
    /// condition.
    pub(super) fn matches(&self, max: usize) -> IndexQuery {
        let mut from = Statement::default();
        let workspace = from.bind(Value::Integer(self.workspace.0));
        from.push(" FROM (SELECT devices.*");
        self.push_devices(&mut from, &workspace);
        let order = self.order;
        from.push(&format!(
            " ORDER BY devices.workspace_id DESC, devices.{order} DESC LIMIT {max}) AS devices \
              WHERE devices.workspace_id = {workspace}"
        ));
        push_conditions(&mut from, self.filter, "devices");
        IndexQuery {
            from,
            in_index_order: true,
        }
    }

    fn push_devices(&self, from: &mut Statement, workspace: &str) {
        from.push(&format!(
            " FROM devices WHERE devices.workspace_id = {workspace}"
        ));
        push_conditions(from, &self.condition, "devices");
    }
}
