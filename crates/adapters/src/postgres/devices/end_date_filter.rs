//! Lists of devices by the end of their warranty or rental.
//!
//! The indexes have the devices of each day in the order of their ids. A page of a range of days is
//! merged from the newest devices of its days, so it costs the same however many devices a day has.

use devices_domain::{DateRange, DeviceFilter, PageRequest, PageStart, WorkspaceId};

use super::filter::{ENDS, End, push_conditions};
use crate::postgres::query::index_queries::IndexQuery;
use crate::postgres::query::pagination::items_needed;
use crate::postgres::query::statement::{Statement, Value};

/// Filter by the end date of the warranty or the rental.
pub(super) struct EndDateFilter<'a> {
    workspace: WorkspaceId,
    filter: &'a DeviceFilter,
    paging: PageRequest,
    column: &'static str,
    range: DateRange,
}

impl<'a> EndDateFilter<'a> {
    /// Returns `None` if the filter has no range of dates.
    pub(super) fn new(
        workspace: WorkspaceId,
        filter: &'a DeviceFilter,
        paging: PageRequest,
    ) -> Option<Self> {
        let of_end = |end: &End| Some((end.column, (end.range)(filter)?));
        let (column, range) = ENDS.iter().find_map(of_end)?;
        Some(Self {
            workspace,
            filter,
            paging,
            column,
            range,
        })
    }

    /// Selects all devices of the range.
    pub(super) fn range(&self) -> Statement {
        let mut from = Statement::default();
        let workspace = from.bind(Value::Integer(self.workspace.0));
        from.push(" FROM devices AS ending");
        self.push_range(&mut from, &workspace);
        from
    }

    /// Returns whether all devices of the range match.
    pub(super) fn is_only_condition(&self) -> bool {
        let is_range = |end: &&End| (end.range)(self.filter).is_some();
        let others = DeviceFilter {
            warranty_ends: None,
            rental_ends: None,
            ..self.filter.clone()
        };
        ENDS.iter().filter(is_range).count() == 1 && others == DeviceFilter::default()
    }

    /// Selects the matches among the first `max` devices of the range, or among all of them.
    pub(super) fn matches(&self, max: Option<usize>) -> IndexQuery {
        let mut from = Statement::default();
        let workspace = from.bind(Value::Integer(self.workspace.0));
        // The order keeps the planner from using another index.
        from.push(" FROM (SELECT * FROM devices AS ending");
        self.push_range(&mut from, &workspace);
        self.push_order(&mut from, "");
        if let Some(max) = max {
            let max = from.bind(Value::Integer(max.try_into().unwrap_or(i64::MAX)));
            from.push(&format!(" LIMIT {max}"));
        }
        from.push(&format!(
            ") AS devices WHERE devices.workspace_id = {workspace}"
        ));
        push_conditions(&mut from, self.filter, "devices");
        in_index_order(from)
    }

    /// Selects the newest matches of each day, as many as the page can have.
    ///
    /// If all devices of a day match, only the days with the newest devices can have devices of the
    /// page.
    pub(super) fn sorted(&self) -> IndexQuery {
        let mut from = Statement::default();
        let workspace = &from.bind(Value::Integer(self.workspace.0));
        from.push(" FROM (");
        self.push_days(&mut from, workspace);
        self.push_devices(&mut from, workspace);
        from.push(&format!(
            ") AS devices WHERE devices.workspace_id = {workspace}"
        ));
        in_index_order(from)
    }

    /// Appends the condition that an id is not above that of the newest device of the range.
    pub(super) fn push_not_above_newest(&self, from: &mut Statement, workspace: &str, id: &str) {
        from.push(&format!(" AND {id} <= ("));
        self.push_days(from, workspace);
        from.push(" SELECT max(day.newest_id) FROM day)");
    }

    /// Appends the common table expression of the days of the range that have devices, each with
    /// its newest. The recursive query probes the index once per day.
    fn push_days(&self, from: &mut Statement, workspace: &str) {
        let column = self.column;
        let first_of_day = format!("SELECT ending.{column}, ending.id FROM devices AS ending");
        from.push(&format!(
            "WITH RECURSIVE day (date, newest_id) AS (({first_of_day}"
        ));
        self.push_range(from, workspace);
        self.push_order(from, " DESC");
        from.push(&format!(
            " LIMIT 1) UNION ALL \
             SELECT earlier.{column}, earlier.id FROM day CROSS JOIN LATERAL ({first_of_day}"
        ));
        self.push_range(from, workspace);
        from.push(&format!(" AND ending.{column} < day.date"));
        self.push_order(from, " DESC");
        from.push(" LIMIT 1) AS earlier)");
    }

    /// Appends the SELECT of the newest matches of each `day`.
    fn push_devices(&self, from: &mut Statement, workspace: &str) {
        let column = self.column;
        let needed = i64::try_from(items_needed(self.paging)).unwrap_or(i64::MAX);
        let needed = from.bind(Value::Integer(needed));
        let before = match self.paging.start {
            PageStart::Cursor(cursor) => from.bind(Value::Integer(cursor.id)),
            PageStart::Offset(_) => from.bind(Value::Integer(i64::MAX)),
        };
        let of_day = format!(
            "devices.workspace_id = {workspace} AND devices.deleted_at IS NULL \
             AND devices.{column} = day.date AND devices.id < {before}"
        );
        let order =
            format!("ORDER BY devices.workspace_id DESC, devices.{column} DESC, devices.id DESC");
        let days = if self.is_only_condition() {
            format!(
                "(SELECT day.date FROM day CROSS JOIN LATERAL ( \
                     SELECT devices.id FROM devices WHERE {of_day} {order} LIMIT 1) AS newest \
                  ORDER BY newest.id DESC LIMIT {needed}) AS day"
            )
        } else {
            "day".to_owned()
        };
        from.push(&format!(
            " SELECT found.* FROM {days} CROSS JOIN LATERAL ( \
                 SELECT devices.* FROM devices WHERE {of_day}"
        ));
        push_conditions(from, self.filter, "devices");
        from.push(&format!(" {order} LIMIT {needed}) AS found"));
    }

    /// Appends the conditions of the devices in the range.
    fn push_range(&self, from: &mut Statement, workspace: &str) {
        from.push(&format!(
            " WHERE ending.workspace_id = {workspace} AND ending.deleted_at IS NULL"
        ));
        from.push_and_in_range(&format!("ending.{}", self.column), self.range);
    }

    /// Appends the order of the index.
    fn push_order(&self, from: &mut Statement, direction: &str) {
        from.push(&format!(
            " ORDER BY ending.workspace_id{direction}, ending.{}{direction}, ending.id{direction}",
            self.column
        ));
    }
}

fn in_index_order(from: Statement) -> IndexQuery {
    IndexQuery {
        from,
        in_index_order: true,
    }
}
