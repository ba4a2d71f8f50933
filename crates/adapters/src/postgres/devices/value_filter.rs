//! Lists of devices by type, category, tags and attributes. No index of `devices` has these
//! columns: it would cost each batch more than the lists (ADR 27).
//!
//! A frequent value is found among the newest devices. A rare one is found by its words, which are
//! in the search document of each device. The exact conditions are checked on the devices that are
//! found.

use devices_domain::{
    ClientStatus, DeviceFilter, PageRequest, PageStart, Search, SearchTerm, SearchWord, WorkspaceId,
};

use super::filter::push_conditions;
use crate::postgres::query::pagination::SearchIndexQueries;
use crate::postgres::query::search_sql::lexeme_query;
use crate::postgres::query::statement::{Statement, Value};

/// Number of the newest devices that are read before the search index. A value that 1 % of them
/// have fills a page of 100.
const NEWEST: usize = 10_000;

/// Returns the queries for a filter that no index of `devices` supports, or `None` for any other.
pub(super) fn queries(
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    paging: PageRequest,
) -> Option<SearchIndexQueries> {
    let DeviceFilter {
        search,
        batch,
        user,
        client_status,
        serial_number,
        type_: _,
        category: _,
        updated_since,
        asset_tag,
        tags: _,
        attributes: _,
    } = filter;
    let has_index = search.is_some()
        || batch.is_some()
        || user.is_some()
        || serial_number.is_some()
        || asset_tag.is_some()
        || updated_since.is_some()
        || matches!(
            client_status,
            Some(ClientStatus::Archived | ClientStatus::InMaintenance | ClientStatus::OutOfService)
        );
    if has_index {
        return None;
    }
    let tsquery = tsquery(filter)?;
    Some(SearchIndexQueries {
        newest: newest(workspace, filter, paging),
        indexed: indexed(workspace, filter, tsquery.clone(), ""),
        sorted: indexed(workspace, filter, tsquery, " ORDER BY device_id DESC"),
        sorted_id: "found.device_id",
    })
}

/// Returns the text of the `tsquery` that matches the documents with the lexemes of all values of
/// the filter, or `None` if it has no such values.
pub(super) fn tsquery(filter: &DeviceFilter) -> Option<String> {
    let DeviceFilter {
        type_,
        category,
        tags,
        attributes,
        ..
    } = filter;
    let values = type_.iter().chain(category).chain(tags);
    let values = values.chain(attributes.iter().map(|(_, value)| value));
    // A value that is too long for a search is checked on the devices only.
    let searches: Vec<Search> = values
        .filter_map(|value| Search::parse(value).ok().flatten())
        .collect();
    let words = searches.iter().flat_map(Search::terms);
    let lexemes = words
        .flat_map(SearchTerm::words)
        .flat_map(SearchWord::lexemes);
    let lexemes: Vec<String> = lexemes.map(|lexeme| lexeme_query(lexeme)).collect();
    (!lexemes.is_empty()).then(|| lexemes.join(" & "))
}

fn newest(workspace: WorkspaceId, filter: &DeviceFilter, paging: PageRequest) -> Statement {
    let mut from = Statement::default();
    let workspace = from.bind(Value::Integer(workspace.0));
    from.push(&format!(
        " FROM (SELECT * FROM devices AS newest \
                WHERE newest.workspace_id = {workspace} AND newest.deleted_at IS NULL"
    ));
    if let PageStart::Cursor(cursor) = paging.start {
        let before = from.bind(Value::Integer(cursor.id));
        from.push(&format!(" AND newest.id < {before}"));
    }
    from.push(&format!(
        " ORDER BY newest.id DESC LIMIT {NEWEST}) AS devices \
          WHERE devices.workspace_id = {workspace}"
    ));
    push_conditions(&mut from, filter, "devices");
    from
}

/// Selects devices whose documents have all words, and those that wait to be indexed, once each if
/// they are sorted by `order`. The LATERAL with LIMIT probes the primary key for each: the planner
/// expects the workspace to be small, and would otherwise read all of it.
fn indexed(
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    tsquery: String,
    order: &str,
) -> Statement {
    let mut from = Statement::default();
    let workspace = from.bind(Value::Integer(workspace.0));
    let tsquery = from.bind(Value::Text(tsquery));
    let distinct = if order.is_empty() { "" } else { "DISTINCT " };
    from.push(&format!(
        " FROM (SELECT {distinct}device_id FROM ( \
                    SELECT search_documents.device_id FROM search_documents \
                    WHERE search_documents.workspace_id = {workspace} \
                      AND search_documents.document @@ {tsquery}::tsquery \
                    UNION ALL \
                    SELECT unnest(search_queue.device_ids) FROM search_queue \
                    WHERE search_queue.workspace_id = {workspace} \
                ) AS candidate{order}) AS found \
         CROSS JOIN LATERAL ( \
             SELECT * FROM devices AS candidate \
             WHERE candidate.workspace_id = {workspace} AND candidate.id = found.device_id \
             LIMIT 1) AS devices \
         WHERE devices.workspace_id = {workspace}"
    ));
    push_conditions(&mut from, filter, "devices");
    from
}
