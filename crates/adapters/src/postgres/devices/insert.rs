//! Statements that insert devices and their audit events.

use devices_domain::{Action, NewDevice, Origin, UniqueField, UserId, WorkspaceId};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use super::binary_copy::BinaryRows;
use super::columns::DeviceRow;
use super::device_limit::DEVICE_LIMIT;
use super::prepared_batch::BatchDocuments;
use super::search_index::split_into_entries;
use crate::postgres::audit_events::interface_column;
use crate::postgres::query::prepared::{PreparedSql, prepared};
use crate::postgres::query::tsvector::{DocumentArray, Tsvector};
use crate::postgres::usage_counts::Resource;

/// A device to insert, its id and its assignee.
pub(super) type DeviceToInsert<'a> = (&'a NewDevice, i64, Option<UserId>);

/// Returns the rows of the devices, in the order in which they must be inserted.
///
/// Two transactions must insert the same devices in the same order. In opposite orders they would
/// deadlock at the unique indexes. If two batches combine the same values differently, no order
/// suits all indexes: PostgreSQL then cancels one of them, and its retry finds the values taken.
pub(super) fn device_rows<'a>(
    workspace: WorkspaceId,
    devices: impl Iterator<Item = DeviceToInsert<'a>>,
) -> impl ExactSizeIterator<Item = DeviceRow<'a>> {
    let mut new: Vec<DeviceToInsert<'a>> = devices.collect();
    new.sort_by_key(|(device, ..)| UniqueField::ALL.map(|field| field.folded(&device.fields)));
    new.into_iter()
        .map(move |(device, id, assignee)| DeviceRow::new(workspace, id, &device.fields, assignee))
}

/// Maximum number of devices per COPY. Bounds the memory of its buffer, and its time.
const MAX_COPIED: usize = 5_000;

/// Inserts devices with one COPY per [`MAX_COPIED`].
pub(crate) fn devices<'a>(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    devices: impl Iterator<Item = DeviceToInsert<'a>>,
) -> QueryResult<()> {
    let mut devices = device_rows(workspace, devices);
    while devices.len() > 0 {
        let count = devices.len().min(MAX_COPIED);
        let mut rows = BinaryRows::with_capacity(count);
        for device in devices.by_ref().take(count) {
            device.encode_row(&mut rows);
        }
        rows.finish();
        let inserted = DeviceRow::copy(connection, &rows)?;
        debug_assert_eq!(inserted, count);
    }
    Ok(())
}

/// Kind of a batch. Its creation is its first event, and its number the id of that event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BatchKind {
    /// The batch has no other event, and no record of its own.
    Plain,
    WithOptions,
}

/// Settings of a workspace that the rest of the transaction depends on.
#[derive(QueryableByName)]
pub(crate) struct WorkspaceSettings {
    #[diesel(sql_type = Nullable<Integer>)]
    pub(crate) device_limit: Option<i32>,
    /// `true` if the workspace has enrolments.
    #[diesel(sql_type = Bool)]
    pub(crate) has_enrollments: bool,
}

/// SQL expression that is true if the workspace `$1` has enrolments.
pub(super) const HAS_ENROLLMENTS: &str =
    "EXISTS (SELECT 1 FROM devices_mdm WHERE devices_mdm.workspace_id = $1 LIMIT 1)";

/// Inserts an audit event per batch, records the number of devices, and queues their search
/// documents for the index. Until they are indexed, searches scan the queue (ADR 13).
///
/// Returns the current settings of the workspace.
pub(crate) fn events(
    connection: &mut PgConnection,
    records: &BatchRecords<'_>,
    kind: BatchKind,
) -> QueryResult<WorkspaceSettings> {
    let (entry_starts, entry_ends) = split_into_entries(records.documents.sizes());
    // Slicing copies the documents, and most batches have one entry.
    let entries = if entry_starts.len() == 1 {
        BatchRecords::ENTRY.to_owned()
    } else {
        let (starts, ends) = (BatchRecords::PARAMETERS + 1, BatchRecords::PARAMETERS + 2);
        format!(
            "SELECT $1, ($2)[entry_start:entry_end], ($9)[entry_start:entry_end], \
                    ($10)[entry_start:entry_end], ($11)[entry_start:entry_end] \
             FROM unnest(${starts}, ${ends}) AS entry (entry_start, entry_end)"
        )
    };
    let text = format!(
        "WITH {} SELECT {DEVICE_LIMIT} AS device_limit, {HAS_ENROLLMENTS} AS has_enrollments",
        BatchRecords::ctes(&entries, "", kind)
    );
    records
        .bind_to(prepared(text))
        .bind::<Array<Integer>, _>(entry_starts)
        .bind::<Array<Integer>, _>(entry_ends)
        .get_result(connection)
}

/// Values of a batch that are stored beside its devices.
pub(super) struct BatchRecord<'a> {
    pub(super) origin: &'a Origin,
    pub(super) documents: &'a BatchDocuments,
    /// Id of each device.
    pub(super) device_ids: &'a [i64],
    /// Id of the event of its creation.
    pub(super) event_id: i64,
    /// Assignee of each device.
    pub(super) assignees: &'a [Option<UserId>],
}

/// Rows that are stored beside the devices of some batches: their audit events, the change of the
/// number of devices, and entries of the search queue.
pub(super) struct BatchRecords<'a> {
    workspace: i64,
    device_ids: Vec<i64>,
    keys: Vec<i64>,
    request_ids: Vec<&'a str>,
    client_request_ids: Vec<Option<&'a str>>,
    interfaces: Vec<Option<&'static str>>,
    /// The slice of `device_ids` that belongs to each batch, counted from 1, both ends included.
    slice_starts: Vec<i32>,
    slice_ends: Vec<i32>,
    event_ids: Vec<i64>,
    assignees: Vec<Option<i64>>,
    identifiers: Vec<Option<&'a str>>,
    documents: DocumentArray<'a>,
}

impl<'a> BatchRecords<'a> {
    /// Number of parameters that [`bind_to`](Self::bind_to) binds.
    pub(super) const PARAMETERS: usize = 12;

    /// SELECT for a single entry of the queue, with all devices.
    pub(super) const ENTRY: &'static str = "SELECT $1, $2, $9, $10, $11";

    pub(super) fn new(
        workspace: WorkspaceId,
        batches: impl Iterator<Item = BatchRecord<'a>>,
    ) -> Self {
        let mut records = Self {
            workspace: workspace.0,
            device_ids: Vec::new(),
            keys: Vec::new(),
            request_ids: Vec::new(),
            client_request_ids: Vec::new(),
            interfaces: Vec::new(),
            slice_starts: Vec::new(),
            slice_ends: Vec::new(),
            event_ids: Vec::new(),
            assignees: Vec::new(),
            identifiers: Vec::new(),
            documents: DocumentArray(Vec::new()),
        };
        for batch in batches {
            records
                .slice_starts
                .push(records.device_ids.len() as i32 + 1);
            records.device_ids.extend(batch.device_ids);
            records.slice_ends.push(records.device_ids.len() as i32);
            records.event_ids.push(batch.event_id);
            let origin = batch.origin;
            records.keys.push(origin.key.0);
            records.request_ids.push(&origin.request_id);
            let client_request_id = origin.client_request_id.as_deref();
            records.client_request_ids.push(client_request_id);
            records.interfaces.push(interface_column(origin));
            let assignees = batch.assignees.iter();
            let assignees = assignees.map(|user| user.map(|user| user.0));
            records.assignees.extend(assignees);
            let identifiers = batch.documents.identifiers.iter();
            records
                .identifiers
                .extend(identifiers.map(Option::as_deref));
            records.documents.0.push(&batch.documents.encoded);
        }
        records
    }

    /// Returns whether all documents fit into one entry of the queue.
    pub(super) fn is_one_entry(&self) -> bool {
        split_into_entries(self.documents.sizes()).0.len() == 1
    }

    /// Returns the CTEs that insert the records of batches of this kind. `entries` selects the
    /// entries of the queue. If `condition`, such as `FROM relation`, has no row, nothing is
    /// inserted.
    pub(super) fn ctes(entries: &str, condition: &str, kind: BatchKind) -> String {
        let batches = match condition {
            "" => "FROM".to_owned(),
            condition => format!("{condition} CROSS JOIN"),
        };
        let batch_id = match kind {
            BatchKind::Plain => "NULL::bigint",
            BatchKind::WithOptions => "batch.id",
        };
        let (created, devices) = (Action::Created.as_str(), Resource::Devices.as_str());
        format!(
            "queue_entry AS ( \
                 INSERT INTO search_queue \
                     (workspace_id, device_ids, user_ids, identifiers, documents) \
                 {entries} {condition} \
             ), event AS ( \
                 INSERT INTO device_events (workspace_id, id, action, key_id, request_id, \
                                            client_request_id, device_ids, batch_id, interface) \
                 SELECT $1, batch.id, '{created}', key_id, request_id, client_request_id, \
                        ($2)[slice_start:slice_end], {batch_id}, interface \
                 {batches} unnest($3, $4, $5, $6, $7, $8, $12) \
                     AS batch (key_id, request_id, client_request_id, slice_start, slice_end, id, \
                               interface) \
             ), usage AS ( \
                 INSERT INTO usage_changes (workspace_id, resource, change) \
                 SELECT $1, '{devices}', cardinality($2) {condition} \
             )"
        )
    }

    /// Binds the parameters of [`ctes`](Self::ctes).
    pub(super) fn bind_to<'q>(&'q self, query: PreparedSql<'q>) -> PreparedSql<'q> {
        query
            .bind::<BigInt, _>(self.workspace)
            .bind::<Array<BigInt>, _>(&self.device_ids)
            .bind::<Array<BigInt>, _>(&self.keys)
            .bind::<Array<Text>, _>(&self.request_ids)
            .bind::<Array<Nullable<Text>>, _>(&self.client_request_ids)
            .bind::<Array<Integer>, _>(&self.slice_starts)
            .bind::<Array<Integer>, _>(&self.slice_ends)
            .bind::<Array<BigInt>, _>(&self.event_ids)
            .bind::<Array<Nullable<BigInt>>, _>(&self.assignees)
            .bind::<Array<Nullable<Text>>, _>(&self.identifiers)
            .bind::<Array<Tsvector>, _>(&self.documents)
            .bind::<Array<Nullable<Text>>, _>(&self.interfaces)
    }
}
