//! Lists of devices by type, category, brand, tags, attributes and ends. No index of `devices` has
//! most of these columns: it would cost each batch more than the lists (ADR 27).
//!
//! A frequent value is found among the newest devices. A rare one is found by its words, which are
//! in the search document of each device, or by its date. The exact conditions are checked on the
//! devices that are found.

use devices_domain::{
    ClientStatus, DeviceFilter, PageRequest, PageStart, Search, SearchTerm, SearchWord, WorkspaceId,
};

use super::end_date_filter::EndDateFilter;
use super::filter::push_conditions;
use super::indexed_condition::IndexedCondition;
use crate::postgres::query::index_queries::{IndexQueries, IndexQuery, RangeQuery};
use crate::postgres::query::search_sql::lexeme_query;
use crate::postgres::query::statement::{Statement, Value};

/// Number of the newest devices that are read before the index. A value that 1 % of them have fills
/// a page of 100.
const NEWEST: usize = 10_000;

/// Returns the queries for a filter whose matches no index of `devices` returns in the order of
/// their ids, or `None` for any other.
pub(super) fn queries(
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    paging: PageRequest,
) -> Option<IndexQueries> {
    if is_selective(filter) {
        return None;
    }
    let words = tsquery(filter).map(|tsquery| Words {
        workspace,
        filter,
        tsquery,
    });
    if let Some(condition) = IndexedCondition::new(workspace, filter) {
        return words.map(|words| IndexQueries {
            newest: None,
            indexed: words.indexed(),
            in_range: Some(RangeQuery {
                range: condition.range(),
                first: condition.matches(RangeQuery::FIRST_ITEMS),
                all: condition.matches(RangeQuery::MAX_ITEMS),
                candidates: words.candidates(),
                candidate_id: "candidate.device_id",
                sorted: None,
            }),
            sorted: words.sorted(),
            sorted_id: "found.device_id",
        });
    }
    let end = EndDateFilter::new(workspace, filter, paging);
    let newest = || newest(workspace, filter, paging, end.as_ref());
    match (words, &end) {
        (None, None) => None,
        (Some(words), None) => Some(IndexQueries {
            newest: Some(newest()),
            indexed: words.indexed(),
            in_range: None,
            sorted: words.sorted(),
            sorted_id: "found.device_id",
        }),
        (None, Some(end)) => Some(IndexQueries {
            newest: (!end.is_only_condition()).then(newest),
            indexed: end.matches(None),
            in_range: None,
            sorted: end.sorted(),
            sorted_id: "devices.id",
        }),
        (Some(words), Some(end)) => Some(IndexQueries {
            newest: Some(newest()),
            indexed: words.indexed(),
            in_range: Some(RangeQuery {
                range: end.range(),
                first: end.matches(Some(RangeQuery::FIRST_ITEMS)),
                all: end.matches(Some(RangeQuery::MAX_ITEMS)),
                candidates: words.candidates(),
                candidate_id: "candidate.device_id",
                sorted: Some(end.sorted()),
            }),
            sorted: words.sorted(),
            sorted_id: "found.device_id",
        }),
    }
}

/// Returns whether an index finds few devices for one of the conditions, whatever its value.
fn is_selective(filter: &DeviceFilter) -> bool {
    filter.search.is_some()
        || filter.batch.is_some()
        || filter.user.is_some()
        || filter.serial_number.is_some()
        || filter.asset_tag.is_some()
        || !filter.serial_numbers.is_empty()
}

/// Returns the text of the `tsquery` that matches the documents with the lexemes of all values of
/// the filter, or `None` if it has no such values.
pub(super) fn tsquery(filter: &DeviceFilter) -> Option<String> {
    let DeviceFilter {
        type_,
        category,
        brand,
        tags,
        attributes,
        ..
    } = filter;
    let values = type_.iter().chain(category).chain(brand).chain(tags);
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

/// Selects matches among the newest devices, or among the newest that are not above the range of
/// `end`: warranties of a fleet that grows end in the order in which it grew.
fn newest(
    workspace: WorkspaceId,
    filter: &DeviceFilter,
    paging: PageRequest,
    end: Option<&EndDateFilter<'_>>,
) -> Statement {
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
    if let Some(end) = end {
        end.push_not_above_newest(&mut from, &workspace, "newest.id");
    }
    from.push(&format!(
        " ORDER BY newest.id DESC LIMIT {NEWEST}) AS devices \
          WHERE devices.workspace_id = {workspace}"
    ));
    push_conditions(&mut from, filter, "devices");
    from
}

/// A filter by values whose words are in the search documents.
struct Words<'a> {
    workspace: WorkspaceId,
    filter: &'a DeviceFilter,
    tsquery: String,
}

impl Words<'_> {
    fn indexed(&self) -> IndexQuery {
        self.query("")
    }

    fn sorted(&self) -> IndexQuery {
        self.query(" ORDER BY device_id DESC")
    }

    /// Selects the devices whose documents have all words, and those that wait to be indexed.
    fn candidates(&self) -> Statement {
        let mut from = Statement::default();
        let workspace = from.bind(Value::Integer(self.workspace.0));
        from.push(" FROM ");
        self.push_candidates(&mut from, &workspace);
        from.push(" WHERE true");
        from
    }

    /// Appends the subquery of the candidates. Of the status, the documents only have whether the
    /// device is archived.
    fn push_candidates(&self, from: &mut Statement, workspace: &str) {
        let status = self.filter.client_status;
        let in_documents = DeviceFilter {
            client_status: status.filter(|status| *status == ClientStatus::Archived),
            ..DeviceFilter::default()
        };
        let tsquery = from.bind(Value::Text(self.tsquery.clone()));
        from.push(&format!(
            "(SELECT found.device_id FROM search_documents AS found \
              WHERE found.workspace_id = {workspace} AND found.document @@ {tsquery}::tsquery"
        ));
        push_conditions(from, &in_documents, "found");
        from.push(&format!(
            " UNION ALL \
              SELECT unnest(search_queue.device_ids) FROM search_queue \
              WHERE search_queue.workspace_id = {workspace}) AS candidate"
        ));
    }

    /// Selects those candidates that match, once each if they are sorted by `order`. The LATERAL
    /// with LIMIT probes the primary key for each: the planner expects the workspace to be small,
    /// and would otherwise read all of it.
    fn query(&self, order: &str) -> IndexQuery {
        let mut from = Statement::default();
        let workspace = from.bind(Value::Integer(self.workspace.0));
        let distinct = if order.is_empty() { "" } else { "DISTINCT " };
        from.push(&format!(" FROM (SELECT {distinct}device_id FROM "));
        self.push_candidates(&mut from, &workspace);
        from.push(&format!(
            "{order}) AS found CROSS JOIN LATERAL ( \
                 SELECT * FROM devices AS candidate \
                 WHERE candidate.workspace_id = {workspace} AND candidate.id = found.device_id \
                 LIMIT 1) AS devices \
             WHERE devices.workspace_id = {workspace}"
        ));
        push_conditions(&mut from, self.filter, "devices");
        IndexQuery {
            from,
            in_index_order: false,
        }
    }
}
