//! Batches that are stored: each whole or not at all, and several of a workspace in one transaction.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use devices_domain::{
    Action, Conflicts, CreateError, DeviceId, IdempotencyError, IdempotentRequest,
    IdempotentResponse, InsertedDevice, LookupKeys, NewBatch, NewDevice, RepositoryError,
    StoreResult, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Text};
use futures_util::{StreamExt, stream};

use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::copy_error;
use crate::postgres::devices::columns::DeviceRow;
use crate::postgres::devices::conflicts::{self, Found, Lookup};
use crate::postgres::enrollments;
use crate::postgres::idempotency_keys;
use crate::postgres::schema::tables::devices;
use crate::postgres::transaction::group_commit::GroupWork;
use crate::postgres::transaction::in_doubt::CommitMarker;
use crate::postgres::transaction::run::{Effect, Failure, is_retryable};

/// What a batch comes to.
type Verdict = Result<StoreResult, CreateError>;

/// What cannot be: every batch is stored, or refused for something.
fn no_verdict() -> Verdict {
    Err(RepositoryError::Failed("a batch got no verdict".into()).into())
}

/// Stores batches.
pub(crate) struct InsertBatches {
    database: Database,
}

/// Batches with fewer devices share transactions: a larger one gains nothing by it.
pub(crate) const SMALL: usize = 250;

/// How many of those that failed together are tried alone at once.
const ALONE_AT_ONCE: usize = 4;

#[async_trait]
impl GroupWork for InsertBatches {
    type Request = Arc<NewBatch>;
    type Response = Verdict;

    /// Devices in one transaction, as many as a batch may hold by default.
    const MAX_GROUP_SIZE: usize = 1_000;
    /// One works while the other commits.
    const CONCURRENCY: usize = 2;

    fn size(batch: &Arc<NewBatch>) -> usize {
        batch.devices.len()
    }

    /// Each batch gets the verdict that it would get if one were stored after the other, but that of two
    /// with the same idempotency key the second is told that the first is under way. Where a
    /// statement fails none is stored, and each is tried alone: what one of them cannot have, or waits
    /// for, is no other's fault.
    async fn run(&self, workspace: WorkspaceId, batches: Vec<Arc<NewBatch>>) -> Vec<Verdict> {
        let failed = match self.store(workspace, batches.clone()).await {
            Ok(verdicts) => return verdicts,
            Err(failed) => failed,
        };
        let error = match failed {
            NotStored::Broken => {
                let alone = batches
                    .into_iter()
                    .map(|batch| self.store_one(workspace, batch));
                // Few at once: others wait for connections, too.
                return stream::iter(alone).buffered(ALONE_AT_ONCE).collect().await;
            }
            NotStored::Failed(error) => error,
        };
        let count = batches.len();
        let repeated = (1..count).map(|_| Err(copy_error(&error).into()));
        let mut verdicts: Vec<Verdict> = repeated.collect();
        verdicts.push(Err(error.into()));
        verdicts
    }
}

/// Why none of several batches was stored.
enum NotStored {
    /// A statement of theirs failed.
    Broken,
    /// The store gave no answer.
    Failed(RepositoryError),
}

impl From<RepositoryError> for NotStored {
    fn from(error: RepositoryError) -> Self {
        Self::Failed(error)
    }
}

impl InsertBatches {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Stores a batch in a transaction of its own.
    pub(crate) async fn store_one(&self, workspace: WorkspaceId, batch: Arc<NewBatch>) -> Verdict {
        match self.store(workspace, vec![batch]).await {
            Ok(verdicts) => verdicts.into_iter().next().unwrap_or_else(no_verdict),
            Err(NotStored::Failed(error)) => Err(error.into()),
            Err(NotStored::Broken) => Err(RepositoryError::Failed(
                "a batch that is alone failed for others".into(),
            )
            .into()),
        }
    }

    async fn store(
        &self,
        workspace: WorkspaceId,
        batches: Vec<Arc<NewBatch>>,
    ) -> Result<Vec<Verdict>, NotStored> {
        let devices = batches.iter().flat_map(|batch| &batch.devices);
        let references = LookupKeys::of_devices(devices);
        // In a large batch serial numbers are nearly always new, and the first one that is not ends it: then
        // they are looked up, as after any lost race.
        let mut purpose = match references.devices {
            ..SMALL => Lookup::BeforeInsert,
            _ => Lookup::SkipSerials,
        };
        let mut has_lost = false;
        let are_several = batches.len() > 1;
        self.database
            .transact(move |connection| {
                let this_time = std::mem::replace(&mut purpose, Lookup::BeforeInsert);
                let work = AssertUnwindSafe(|| {
                    write(connection, workspace, &batches, &references, this_time)
                });
                match std::panic::catch_unwind(work) {
                    Ok(Err(error)) => {
                        let has_another_try = is_retryable(&error) && !has_lost;
                        has_lost |= this_time == Lookup::BeforeInsert;
                        Err(match are_several && !has_another_try {
                            true => Failure::Rejected(NotStored::Broken),
                            false => Failure::Diesel(error),
                        })
                    }
                    Ok(Ok(done)) => Ok(done),
                    Err(_) if are_several => Err(Failure::Rejected(NotStored::Broken)),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            })
            .await
    }
}

/// A batch that is to be stored.
struct Place<'a> {
    /// Which of the batches it is.
    index: usize,
    batch: &'a NewBatch,
    ids: Vec<i64>,
    assignees: Vec<Option<UserId>>,
}

/// Everything that batches write, but for COMMIT: five statements with BEGIN and COMMIT, however many
/// devices there are. Idempotency keys take three more, a device limit one, and device management one.
fn write(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batches: &[Arc<NewBatch>],
    references: &LookupKeys,
    purpose: Lookup,
) -> QueryResult<(Vec<Verdict>, Effect)> {
    let mut verdicts = recall(connection, workspace, batches)?;
    let open = verdicts.iter().map(Option::is_none);
    let open: Vec<usize> = (0..)
        .zip(open)
        .filter_map(|(index, is_open)| is_open.then_some(index))
        .collect();
    let mut written = Effect::None;
    if !open.is_empty() {
        let mut found = conflicts::find(connection, workspace, references, purpose)?;
        let (mut admitted, mut refused) = admit(batches, &open, &mut found);
        // Who is refused hears of everything, also of what was not looked for, and of what others stored
        // while their workspace's limit was waited for.
        if !refused.is_empty() && (purpose == Lookup::SkipSerials || found.limit.is_some()) {
            found = conflicts::find(connection, workspace, references, Lookup::BeforeInsert)?;
            (admitted, refused) = admit(batches, &open, &mut found);
        }
        for (index, conflicts) in refused {
            verdicts[index] = Some(Err(CreateError::Conflicts(Box::new(conflicts))));
        }
        if !admitted.is_empty() {
            let receipt = store(connection, workspace, &admitted, &found, &mut verdicts)?;
            written = Effect::Marked(receipt);
        }
    }
    let verdicts = verdicts.into_iter();
    let verdicts = verdicts.map(|verdict| verdict.unwrap_or_else(no_verdict));
    Ok((verdicts.collect(), written))
}

/// The verdicts on those batches whose idempotency key was used before, or is being used.
fn recall(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    batches: &[Arc<NewBatch>],
) -> QueryResult<Vec<Option<Verdict>>> {
    let mut verdicts: Vec<Option<Verdict>> = batches.iter().map(|_| None).collect();
    let attempts = batches.iter().enumerate();
    let attempts: Vec<(usize, &IdempotentRequest)> = attempts
        .filter_map(|(index, batch)| Some((index, &batch.once.as_ref()?.0)))
        .collect();
    if attempts.is_empty() {
        return Ok(verdicts);
    }
    let all: Vec<&IdempotentRequest> = attempts.iter().map(|(_, attempt)| *attempt).collect();
    let locked = idempotency_keys::try_lock(connection, workspace, &all)?;
    let mut remembered = idempotency_keys::find(connection, workspace, &all)?;
    // A lock that this transaction has it gets again.
    let mut seen = HashSet::new();
    for (place, (index, attempt)) in attempts.into_iter().enumerate() {
        let is_first = seen.insert((attempt.operation, attempt.key.as_str()));
        verdicts[index] = match remembered.remove(&place) {
            _ if !locked[place] => Some(Err(IdempotencyError::InProgress.into())),
            None if !is_first => Some(Err(IdempotencyError::InProgress.into())),
            None => None,
            Some(remembered) => {
                let recalled = attempt.recall(remembered);
                Some(
                    recalled
                        .map(StoreResult::Response)
                        .map_err(CreateError::from),
                )
            }
        };
    }
    Ok(verdicts)
}

/// Of the open batches those that the store holds nothing against, nor those before them; and what is held
/// against the others.
fn admit<'a>(
    batches: &'a [Arc<NewBatch>],
    open: &[usize],
    found: &mut Found,
) -> (Vec<Place<'a>>, Vec<(usize, Conflicts)>) {
    let (mut admitted, mut refused) = (Vec::new(), Vec::new());
    let mut ids = std::mem::take(&mut found.ids).into_iter();
    // Serial numbers of batches before.
    let mut new: HashMap<&str, DeviceId> = HashMap::new();
    for &index in open {
        let batch = &batches[index];
        let serials = || {
            let serials = batch.devices.iter().enumerate();
            serials.filter_map(|(place, device)| Some((place, folded_serial(device)?)))
        };
        let clashes = !new.is_empty() && serials().any(|(_, serial)| new.contains_key(serial));
        let limit = found.device_limit_reached(batch.devices.len());
        if clashes || limit.is_some() || !found.conflicts.is_empty() {
            let references = LookupKeys::of_devices(&batch.devices);
            let mut conflicts = found.conflicts.about(&references);
            conflicts.device_limit = limit;
            let taken = serials().filter_map(|(_, serial)| new.get_key_value(serial));
            let taken = taken.map(|(serial, device)| ((*serial).to_owned(), *device));
            conflicts.taken_serial_numbers.extend(taken);
            if !conflicts.is_empty() {
                refused.push((index, conflicts));
                continue;
            }
        }
        let ids: Vec<i64> = ids.by_ref().take(batch.devices.len()).collect();
        if open.len() > 1 {
            new.extend(serials().map(|(place, serial)| (serial, DeviceId(ids[place]))));
        }
        if let Some((_, held)) = &mut found.limit {
            *held += ids.len() as u64;
        }
        let assignees = batch.devices.iter().map(|device| {
            let by_email = device.assignment.user_email.as_ref();
            let by_email = by_email.and_then(|email| found.users_by_email.get(email.as_str()));
            by_email.copied().or(device.fields.ownership.user_id)
        });
        admitted.push(Place {
            index,
            batch: batch.as_ref(),
            ids,
            assignees: assignees.collect(),
        });
    }
    (admitted, refused)
}

fn folded_serial(device: &NewDevice) -> Option<&str> {
    let serial = device.fields.identity.serial_number.as_ref();
    serial.map(|serial| serial.folded())
}

/// Stores the devices of all these batches and everything that belongs to them.
fn store(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    admitted: &[Place<'_>],
    found: &Found,
    verdicts: &mut [Option<Verdict>],
) -> QueryResult<CommitMarker> {
    insert(connection, workspace, admitted)?;
    let receipt = record(connection, workspace, admitted)?;
    let serials = admitted.iter().flat_map(|place| &place.batch.devices);
    let enrolled = match found.has_enrollments {
        true => enrollments::newest(connection, workspace, serials.filter_map(folded_serial))?,
        false => HashMap::new(),
    };
    for place in admitted {
        let ids = place.ids.iter().zip(&place.assignees);
        let stored = ids.zip(&place.batch.devices);
        let stored = stored.map(|((id, assignee), device)| InsertedDevice {
            id: DeviceId(*id),
            assignee: *assignee,
            enrollment: folded_serial(device).and_then(|serial| enrolled.get(serial).cloned()),
        });
        let stored: Vec<InsertedDevice> = stored.collect();
        let told = match &place.batch.once {
            None => StoreResult::Devices(stored),
            Some((_, tell)) => StoreResult::Response(IdempotentResponse {
                answer: tell(&place.batch.devices, &stored),
                replayed: false,
            }),
        };
        verdicts[place.index] = Some(Ok(told));
    }
    let answered = admitted.iter().filter_map(|place| {
        let (attempt, _) = place.batch.once.as_ref()?;
        match &verdicts[place.index] {
            Some(Ok(StoreResult::Response(outcome))) => Some((attempt, outcome.answer.as_slice())),
            _ => None,
        }
    });
    let answered: Vec<(&IdempotentRequest, &[u8])> = answered.collect();
    if !answered.is_empty() {
        idempotency_keys::insert(connection, workspace, &answered)?;
    }
    Ok(receipt)
}

fn insert(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    admitted: &[Place<'_>],
) -> QueryResult<()> {
    let mut rows: Vec<(i64, &NewDevice, Option<UserId>)> = Vec::new();
    for place in admitted {
        let devices = place.ids.iter().zip(&place.batch.devices);
        let devices = devices.zip(&place.assignees);
        rows.extend(devices.map(|((id, device), assignee)| (*id, device, *assignee)));
    }
    // Two batches with the same serial numbers in another order must not wait for each other.
    rows.sort_by_key(|(_, device, _)| folded_serial(device));
    let rows: Vec<DeviceRow<'_>> = rows
        .into_iter()
        .map(|(id, device, assignee)| DeviceRow::new(workspace, id, &device.fields, assignee))
        .collect();
    let inserted = diesel::copy_from(devices::table)
        .from_insertable(&rows)
        .execute(connection)?;
    debug_assert_eq!(inserted, rows.len());
    Ok(())
}

#[derive(QueryableByName)]
struct Recorded {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    transaction: String,
}

/// Puts every batch into the audit trail, and lets its devices wait for what they are found by; they are
/// found meanwhile, too.
fn record(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    admitted: &[Place<'_>],
) -> QueryResult<CommitMarker> {
    let ids: Vec<i64> = admitted
        .iter()
        .flat_map(|place| place.ids.iter().copied())
        .collect();
    let origins = admitted.iter().map(|place| &place.batch.origin);
    let (keys, requests): (Vec<i64>, Vec<&str>) = origins
        .map(|origin| (origin.key.0, origin.request_id.as_str()))
        .unzip();
    // Where each one's devices stand among all of them, counted from 1.
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for place in admitted {
        let before = lasts.last().copied().unwrap_or(0);
        firsts.push(before + 1);
        lasts.push(before + place.ids.len() as i32);
    }
    // All events are there, or none: that of the first batch tells.
    let first: Recorded = diesel::sql_query(
        "WITH queued AS ( \
             INSERT INTO device_search_queue (workspace_id, device_ids) VALUES ($1, $2) \
         ), event AS ( \
             INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids) \
             SELECT $1, $3, key_id, request_id, ($2)[first:last] \
             FROM unnest($4, $5, $6, $7) AS batch (key_id, request_id, first, last) \
             RETURNING id, device_ids[1] AS first_device \
         ) \
         SELECT id, pg_current_xact_id()::text AS transaction FROM event WHERE first_device = ($2)[1]",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(&ids)
    .bind::<Text, _>(Action::Created.as_str())
    .bind::<Array<BigInt>, _>(keys)
    .bind::<Array<Text>, _>(requests)
    .bind::<Array<Integer>, _>(firsts)
    .bind::<Array<Integer>, _>(lasts)
    .get_result(connection)?;
    let told = admitted.first().ok_or(diesel::result::Error::NotFound)?;
    Ok(CommitMarker {
        workspace,
        event_id: first.id,
        request_id: told.batch.origin.request_id.clone(),
        device_ids: told.ids.clone(),
        transaction_id: first.transaction,
    })
}
