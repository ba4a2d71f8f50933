//! Stores small batches with one statement, which commits by itself (ADR 35).
//!
//! The statement looks up conflicts and, if there is none, inserts everything. It saves the round
//! trips of a transaction, and PostgreSQL plans it once per connection.

use std::collections::HashMap;

use devices_domain::{
    CreateError, Enrollment, LookupKeys, LookupResult, RepositoryError, StoreResult, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool};

use super::accepted_batch::{AcceptedBatch, partition_by_conflict, serial_numbers};
use super::column_arrays::ColumnArrays;
use super::columns::DeviceRow;
use super::conflicts::{ConflictLookup, Lookup, LookupRow};
use super::create::{BatchResult, CreateFailure};
use super::id_blocks::ReservedIds;
use super::insert::{BatchKind, BatchRecords, HAS_ENROLLMENTS, device_rows};
use super::prepared_batch::PreparedBatch;
use crate::postgres::connection::error::{classify, is_rejected, is_worker_lost};
use crate::postgres::enrollments;
use crate::postgres::query::prepared::prepared;
use crate::postgres::transaction::blocking::Lease;
use crate::postgres::transaction::commit_gate::CommitGate;
use crate::postgres::transaction::run::{Outcome, is_retryable};

/// Maximum number of devices of a statement. COPY stores more of them in less time: each further
/// device costs the statement about three times as much as COPY.
const MAX_DEVICES: usize = 10;

/// Returns whether one statement can store these batches. It cannot store responses, and does not
/// resolve email addresses.
pub(super) fn is_possible(batches: &[PreparedBatch], keys: &LookupKeys) -> bool {
    (1..=MAX_DEVICES).contains(&keys.added_devices)
        && keys.emails.is_empty()
        && batches
            .iter()
            .all(|prepared| prepared.batch.idempotency.is_none())
}

#[derive(QueryableByName)]
struct ResultRow {
    #[diesel(embed)]
    found: LookupRow,
    #[diesel(sql_type = Bool)]
    is_stored: bool,
    /// `true` if the workspace has enrolments.
    #[diesel(sql_type = Bool)]
    has_enrollments: bool,
}

/// Stores batches, or finds that all of them conflict with stored data. Returns `None` if nothing
/// was stored, and the batches need a transaction: if some of them conflict, if the workspace has a
/// device limit, or after a lost race.
///
/// Passes the gate before the statement is sent: from then on, it may commit.
pub(super) fn store(
    lease: &mut Lease,
    gate: &CommitGate,
    workspace: WorkspaceId,
    batches: &[PreparedBatch],
    keys: &LookupKeys,
    reserved: &ReservedIds,
) -> Result<Option<Outcome<Vec<BatchResult>>>, CreateFailure> {
    let indexes: Vec<usize> = (0..batches.len()).collect();
    let (accepted, rejected) =
        partition_by_conflict(batches, &indexes, &mut LookupResult::default(), reserved);
    let records = BatchRecords::new(workspace, accepted.iter().map(AcceptedBatch::record));
    if !rejected.is_empty() || !records.is_one_entry() {
        return Ok(None);
    }
    gate.commit()?;
    let lookup = ConflictLookup::new(keys, Lookup::Complete);
    let sent = send(lease.connection()?, workspace, &accepted, &records, &lookup);
    let error = match sent {
        Ok(row) if row.is_stored => {
            let enrollments = if row.has_enrollments {
                stored_enrollments(lease, workspace, &accepted)?
            } else {
                HashMap::new()
            };
            return Ok(Some(Outcome::Committed(results(&accepted, &enrollments))));
        }
        Ok(row) => {
            let mut found = lookup.result(&row.found);
            let (accepted, rejected) =
                partition_by_conflict(batches, &indexes, &mut found, reserved);
            let is_complete = accepted.is_empty() && row.found.device_limit.is_none();
            let rejections = rejected
                .into_iter()
                .map(|(_, conflicts)| Err(CreateError::Conflicts(Box::new(conflicts))));
            return Ok(is_complete.then(|| Outcome::Committed(rejections.collect())));
        }
        Err(error) if is_rejected(&error) && is_retryable(&error) => return Ok(None),
        // A cluster sends the look-up's result to all workers. A transaction needs only that of the
        // workspace.
        Err(error) if is_worker_lost(&error) && !lease.is_lost() => return Ok(None),
        Err(error) if is_rejected(&error) && batches.len() > 1 => {
            return Err(CreateFailure::StatementFailed);
        }
        Err(error) if is_rejected(&error) => {
            return Err(CreateFailure::Repository(classify(error)));
        }
        Err(error) => error,
    };
    let marker = accepted[0].commit_marker(workspace, lease.lost_backend_pid());
    // The enrolments are lost with the result. A later read of the devices returns them.
    let outcome = Outcome::in_doubt(results(&accepted, &HashMap::new()), Some(marker), error);
    Ok(Some(outcome))
}

/// Returns the enrolments of devices that were stored, by folded serial number.
///
/// # Errors
/// [`InDoubt`](RepositoryError::InDoubt) if the look-up fails: the devices are stored, but the
/// response needs their enrolments.
fn stored_enrollments(
    lease: &mut Lease,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
) -> Result<HashMap<String, Enrollment>, CreateFailure> {
    enrollments::newest(lease.connection()?, workspace, serial_numbers(accepted))
        .map_err(|error| CreateFailure::Repository(RepositoryError::InDoubt(error.into())))
}

/// Returns the results of batches that were stored.
fn results(
    accepted: &[AcceptedBatch<'_>],
    enrollments: &HashMap<String, Enrollment>,
) -> Vec<BatchResult> {
    let results = accepted.iter().map(|accepted| {
        Ok(StoreResult::Devices {
            batch: accepted.id(),
            inserted: accepted.inserted_devices(enrollments),
        })
    });
    results.collect()
}

fn send(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    accepted: &[AcceptedBatch<'_>],
    records: &BatchRecords<'_>,
    lookup: &ConflictLookup<'_>,
) -> QueryResult<ResultRow> {
    let devices = accepted.iter().flat_map(AcceptedBatch::devices);
    let devices: Vec<DeviceRow<'_>> = device_rows(workspace, devices).collect();
    let has_one_device = devices.len() == 1;
    let query = records.bind_to(prepared(statement(lookup, has_one_device)));
    let query = lookup.bind_to(query);
    let query = if has_one_device {
        devices
            .into_iter()
            .fold(query, |query, device| device.bind_to(query))
    } else {
        let mut arrays = ColumnArrays::new(DeviceRow::COLUMNS.len());
        for device in &devices {
            device.encode(&mut arrays);
        }
        let ids: Vec<i64> = devices.iter().map(|device| device.id).collect();
        let arrays = arrays.into_columns().map(Some);
        DeviceRow::bind_arrays(arrays, query.bind::<Array<BigInt>, _>(ids))
    };
    query.get_result(connection)
}

/// Returns the statement of [`send`]. Its parameters are those of the records, of the look-up, and
/// of the devices: the values of one device, or else the ids and one array per column.
fn statement(lookup: &ConflictLookup<'_>, has_one_device: bool) -> String {
    let users = BatchRecords::PARAMETERS + 1;
    let first = users + lookup.parameters();
    let (ids, rows, values) = if has_one_device {
        ("($2)[1]".to_owned(), String::new(), scalars(first))
    } else {
        let series = format!(
            "CROSS JOIN generate_series(1, {MAX_DEVICES}) AS number \
             WHERE number <= cardinality(${first})"
        );
        (format!("(${first})[number]"), series, elements(first + 1))
    };
    let columns = DeviceRow::COLUMNS.join(", ");
    let has_enrollments = if lookup.has_serial_numbers() {
        HAS_ENROLLMENTS
    } else {
        "false"
    };
    format!(
        "WITH found AS MATERIALIZED (SELECT {}), accepted AS MATERIALIZED ( \
             SELECT true AS is_accepted FROM found \
             WHERE device_limit IS NULL AND taken = '{{}}' \
               AND cardinality(existing_users) = cardinality(${users}) \
         ), device AS ( \
             INSERT INTO devices (workspace_id, id, {columns}) \
             SELECT $1, {ids}, {values} FROM accepted {rows} \
         ), {} \
         SELECT device_limit, taken, existing_users, users_by_email, \
                EXISTS (SELECT 1 FROM accepted) AS is_stored, \
                {has_enrollments} AS has_enrollments \
         FROM found",
        lookup.columns(users),
        BatchRecords::ctes(BatchRecords::ENTRY, "FROM accepted", BatchKind::Plain),
    )
}

/// Returns the values of a row whose values are parameters.
fn scalars(first: usize) -> String {
    let parameters = (first..).map(|parameter| format!("${parameter}"));
    let values: Vec<String> = parameters.take(DeviceRow::COLUMNS.len()).collect();
    values.join(", ")
}

/// Returns the values of the row `number` of arrays. Subscripts cost a tenth of `unnest` with that
/// many arrays.
fn elements(first: usize) -> String {
    let parameters = (first..).zip(DeviceRow::casts());
    let values: Vec<String> = parameters
        .map(|(parameter, cast)| format!("(${parameter})[number]{cast}"))
        .collect();
    values.join(", ")
}
