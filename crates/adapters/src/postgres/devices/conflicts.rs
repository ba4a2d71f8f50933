//! What the store knows of what devices refer to, and holds against them.

use std::collections::{BTreeSet, HashMap};

use devices_domain::{Conflicts, DeviceId, DeviceLimitReached, LookupKeys, UserId, WorkspaceId};
use diesel::dsl::count_star;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text};

use crate::postgres::schema::tables::devices;

/// What the store knows.
pub(crate) struct Found {
    /// What it holds against what was asked about, but for the device limit.
    pub(crate) conflicts: Conflicts,
    /// The users that are named by an address, by the address as it is spelled.
    pub(crate) users_by_email: HashMap<String, UserId>,
    /// How many devices the workspace may hold, and how many it holds.
    pub(crate) limit: Option<(u64, u64)>,
    /// Ids for devices to come, rising.
    pub(crate) ids: Vec<i64>,
    /// Whether the workspace has device management at all.
    pub(crate) has_enrollments: bool,
}

impl Found {
    /// Whether so many more devices are too many.
    pub(crate) fn device_limit_reached(&self, added: usize) -> Option<DeviceLimitReached> {
        let (limit, held) = self.limit?;
        let added = added as u64;
        // A limit that was lowered below what is held stands against new devices, not against none.
        (added > 0 && held + added > limit).then_some(DeviceLimitReached { limit, held, added })
    }
}

#[derive(QueryableByName)]
struct LookedUp {
    #[diesel(sql_type = Nullable<Integer>)]
    device_limit: Option<i32>,
    #[diesel(sql_type = Array<BigInt>)]
    ids: Vec<i64>,
    /// Pairs: which serial number, counted from 1, and the device that has it.
    #[diesel(sql_type = Array<BigInt>)]
    taken: Vec<i64>,
    #[diesel(sql_type = Bool)]
    has_enrollments: bool,
    #[diesel(sql_type = Array<BigInt>)]
    known: Vec<i64>,
    /// Pairs: which address, counted from 1, and the user who has it.
    #[diesel(sql_type = Array<BigInt>)]
    named: Vec<i64>,
}

/// What is meant to be done with what is found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// To tell it.
    Report,
    /// Like [`BeforeInsert`](Self::Storing), without a look at serial numbers that are taken: where one is,
    /// the unique index says so.
    SkipSerials,
    /// To store devices: batches of a workspace with a limit wait for each other until their
    /// transactions end, so that two of them cannot both take the last places. Those of other workspaces
    /// wait for nobody.
    BeforeInsert,
}

/// Everything that the store knows, in one statement whatever is asked, or two where the workspace has a
/// device limit. Users stay what they are until the transaction ends.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    references: &LookupKeys,
    purpose: Lookup,
) -> QueryResult<Found> {
    let mut emails: Vec<&str> = references
        .emails
        .iter()
        .map(|(email, _)| email.as_str())
        .collect();
    emails.dedup();
    let users: Vec<i64> = references.users.iter().map(|user| user.0).collect();
    let serial_numbers = &references.serial_numbers;
    let is_storing = purpose != Lookup::Report;
    let found: LookedUp = diesel::sql_query(statement(references, purpose))
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<Text>, _>(serial_numbers)
        .bind::<Array<BigInt>, _>(users)
        .bind::<Array<Text>, _>(&emails)
        .bind::<Integer, _>(if is_storing {
            references.devices as i32
        } else {
            0
        })
        .get_result(connection)?;

    let mut conflicts = Conflicts::default();
    let known: BTreeSet<UserId> = found.known.into_iter().map(UserId).collect();
    let named = references.users.iter().copied();
    conflicts.unknown_users = named.filter(|user| !known.contains(user)).collect();
    let named = found.named.chunks_exact(2);
    let users_by_email: HashMap<String, UserId> = named
        .map(|pair| (emails[place(pair[0])].to_owned(), UserId(pair[1])))
        .collect();
    for (email, beside) in &references.emails {
        match (users_by_email.get(email), beside) {
            (None, _) => drop(conflicts.unknown_emails.insert(email.clone())),
            (Some(named), Some(user)) if named != user => {
                conflicts.mismatched_users.insert((email.clone(), *user));
            }
            (Some(_), _) => {}
        }
    }
    let taken = found.taken.chunks_exact(2);
    conflicts.taken_serial_numbers = taken
        .map(|pair| (serial_numbers[place(pair[0])].clone(), DeviceId(pair[1])))
        .filter(|(_, device)| Some(*device) != references.changed)
        .collect();
    let limit = match (found.device_limit, references.devices) {
        (Some(limit), 1..) => Some((limit.unsigned_abs().into(), held(connection, workspace)?)),
        _ => None,
    };
    let mut ids = found.ids;
    ids.sort_unstable();
    Ok(Found {
        conflicts,
        users_by_email,
        limit,
        ids,
        has_enrollments: found.has_enrollments,
    })
}

/// Where the nth of a list, counted from 1, stands.
fn place(nth: i64) -> usize {
    nth as usize - 1
}

// The look-ups go into an index once for each value, whatever the planner believes of the table:
// for `= ANY` it would read every row of the workspace where a table was not analysed yet.

const TAKEN: &str = "ARRAY( \
    SELECT unnest(ARRAY[wanted.place, living.id]) \
    FROM unnest($2) WITH ORDINALITY AS wanted (serial_number_folded, place) \
    CROSS JOIN LATERAL ( \
        SELECT devices.id FROM devices \
        WHERE devices.workspace_id = $1 \
          AND devices.serial_number_folded = wanted.serial_number_folded \
          AND devices.deleted_at IS NULL \
        LIMIT 1 \
    ) AS living)";

const HAS_ENROLLMENTS: &str =
    "EXISTS (SELECT FROM devices_mdm WHERE devices_mdm.workspace_id = $1)";

// A user that is deleted meanwhile is waited for: FOR KEY SHARE looks again then. One that is found
// is not deleted before the transaction has ended.

const USERS: &str = "ARRAY( \
    SELECT living.id FROM unnest($3) AS wanted (id) \
    CROSS JOIN LATERAL ( \
        SELECT users.id FROM users \
        WHERE users.workspace_id = $1 AND users.id = wanted.id AND users.deleted_at IS NULL \
        LIMIT 1 FOR KEY SHARE \
    ) AS living)";

const NAMED: &str = "ARRAY( \
    SELECT unnest(ARRAY[wanted.place, living.id]) \
    FROM unnest($4) WITH ORDINALITY AS wanted (email, place) \
    CROSS JOIN LATERAL ( \
        SELECT named.id FROM users AS named \
        WHERE named.workspace_id = $1 AND lower(named.email) = lower(wanted.email) \
          AND named.deleted_at IS NULL \
        LIMIT 1 FOR KEY SHARE \
    ) AS living)";

/// Nextval is asked for beforehand since COPY returns no rows.
const IDS: &str = "ARRAY(SELECT nextval('devices_id_seq') FROM generate_series(1, $5))";

/// A statement that looks up just what there is to look up: the rest would be planned each time, and
/// find nothing.
fn statement(references: &LookupKeys, purpose: Lookup) -> String {
    let is_storing = purpose != Lookup::Report;
    let has_serial_numbers = !references.serial_numbers.is_empty();
    let asks_for_taken = has_serial_numbers && purpose != Lookup::SkipSerials;
    let nothing = "'{}'::bigint[]";
    let when = |is_wanted, look_up| if is_wanted { look_up } else { nothing };
    let has_enrollments = match has_serial_numbers && is_storing {
        true => HAS_ENROLLMENTS,
        false => "false",
    };
    let lock = match is_storing {
        true => " FOR NO KEY UPDATE",
        false => "",
    };
    format!(
        "SELECT (SELECT device_limit FROM workspaces \
                 WHERE workspaces.id = $1 AND device_limit IS NOT NULL{lock}) AS device_limit, \
                {} AS ids, {} AS taken, {has_enrollments} AS has_enrollments, {} AS known, {} AS named",
        when(is_storing, IDS),
        when(asks_for_taken, TAKEN),
        when(!references.users.is_empty(), USERS),
        when(!references.emails.is_empty(), NAMED),
    )
}

/// How many living devices there are. By a statement of its own: what others have stored while their
/// workspace was waited for counts.
fn held(connection: &mut PgConnection, workspace: WorkspaceId) -> QueryResult<u64> {
    let held: i64 = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::deleted_at.is_null())
        .select(count_star())
        .first(connection)?;
    Ok(held.unsigned_abs())
}
