//! What the store holds against a batch.

use std::collections::{BTreeSet, HashMap};

use devices_domain::{Conflicts, DeviceId, DeviceLimitReached, References, UserId, WorkspaceId};
use diesel::dsl::count_star;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use crate::postgres::database::Id;
use crate::schema::{devices, workspaces};

/// What the store knows of what is referred to.
pub(super) struct Found {
    /// What it holds against it.
    pub(super) conflicts: Conflicts,
    /// The users that are named by an address, by the address as it is spelled.
    pub(super) users_by_email: HashMap<String, UserId>,
}

/// Everything that the store knows, with the workspace's device limit. Users stay what they are until
/// the transaction ends.
pub(super) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    references: &References,
    limit: Option<i32>,
) -> QueryResult<Found> {
    let mut conflicts = Conflicts::default();
    let mut users_by_email = HashMap::new();
    if !references.users.is_empty() {
        let known = find_known_users(connection, workspace, &references.users)?;
        let named = references.users.iter().copied();
        conflicts.unknown_users = named.filter(|user| !known.contains(user)).collect();
    }
    if !references.emails.is_empty() {
        users_by_email = find_users_by_email(connection, workspace, &references.emails)?;
        for (email, beside) in &references.emails {
            match (users_by_email.get(email), beside) {
                (None, _) => drop(conflicts.unknown_emails.insert(email.clone())),
                (Some(named), Some(user)) if named != user => {
                    conflicts.mismatched_users.insert((email.clone(), *user));
                }
                (Some(_), _) => {}
            }
        }
    }
    if !references.serial_numbers.is_empty() {
        conflicts.taken_serial_numbers = find_taken_serial_numbers(
            connection,
            workspace,
            &references.serial_numbers,
            references.changed,
        )?;
    }
    // A limit that was lowered below what is held stands against new devices, not against none.
    if let (Some(limit), 1..) = (limit, references.devices) {
        conflicts.device_limit =
            find_device_limit_reached(connection, workspace, limit, references.devices)?;
    }
    Ok(Found {
        conflicts,
        users_by_email,
    })
}

// The look-ups go into an index once for each value, whatever the planner believes of the table:
// for `= ANY` it would read every row of the workspace where a table was not analysed yet.

// A user that is deleted meanwhile is waited for: FOR KEY SHARE looks again then. One that is found
// is not deleted before the transaction has ended.

fn find_known_users(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    users: &[UserId],
) -> QueryResult<BTreeSet<UserId>> {
    let wanted: Vec<i64> = users.iter().map(|user| user.0).collect();
    let known: Vec<Id> = diesel::sql_query(
        "SELECT living.id FROM unnest($2) AS wanted (id) \
         CROSS JOIN LATERAL ( \
             SELECT users.id FROM users \
             WHERE users.workspace_id = $1 AND users.id = wanted.id AND users.deleted_at IS NULL \
             LIMIT 1 FOR KEY SHARE \
         ) AS living",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<BigInt>, _>(wanted)
    .load(connection)?;
    Ok(known.into_iter().map(|user| UserId(user.id)).collect())
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

fn find_users_by_email(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    emails: &[(String, Option<UserId>)],
) -> QueryResult<HashMap<String, UserId>> {
    let mut wanted: Vec<&str> = emails.iter().map(|(email, _)| email.as_str()).collect();
    wanted.dedup();
    let named: Vec<Named> = diesel::sql_query(
        "SELECT wanted.email, living.id FROM unnest($2) AS wanted (email) \
         CROSS JOIN LATERAL ( \
             SELECT users.id FROM users \
             WHERE users.workspace_id = $1 AND lower(users.email) = lower(wanted.email) \
               AND users.deleted_at IS NULL \
             LIMIT 1 FOR KEY SHARE \
         ) AS living",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(wanted)
    .load(connection)?;
    let named = named.into_iter();
    Ok(named.map(|user| (user.email, UserId(user.id))).collect())
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Text)]
    serial_number_folded: String,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

fn find_taken_serial_numbers(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    serial_numbers: &[String],
    except: Option<DeviceId>,
) -> QueryResult<HashMap<String, DeviceId>> {
    let taken: Vec<Taken> = diesel::sql_query(
        "SELECT wanted.serial_number_folded, living.id \
         FROM unnest($2) AS wanted (serial_number_folded) \
         CROSS JOIN LATERAL ( \
             SELECT devices.id FROM devices \
             WHERE devices.workspace_id = $1 \
               AND devices.serial_number_folded = wanted.serial_number_folded \
               AND devices.deleted_at IS NULL \
             LIMIT 1 \
         ) AS living",
    )
    .bind::<BigInt, _>(workspace.0)
    .bind::<Array<Text>, _>(serial_numbers)
    .load(connection)?;
    Ok(taken
        .into_iter()
        .map(|row| (row.serial_number_folded, DeviceId(row.id)))
        .filter(|(_, device)| Some(*device) != except)
        .collect())
}

pub(super) fn device_limit(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<Option<i32>> {
    workspaces::table
        .find(workspace.0)
        .select(workspaces::device_limit)
        .first(connection)
}

/// The limit, if there is one. Makes batches of a workspace with a limit wait for each other, so
/// that two of them cannot both take the last places. Batches of other workspaces wait for nobody.
pub(super) fn lock_device_limit(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
) -> QueryResult<Option<i32>> {
    workspaces::table
        .find(workspace.0)
        .filter(workspaces::device_limit.is_not_null())
        .select(workspaces::device_limit.assume_not_null())
        .for_no_key_update()
        .first(connection)
        .optional()
}

fn find_device_limit_reached(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    limit: i32,
    added: usize,
) -> QueryResult<Option<DeviceLimitReached>> {
    let held: i64 = devices::table
        .filter(devices::workspace_id.eq(workspace.0))
        .filter(devices::deleted_at.is_null())
        .select(count_star())
        .first(connection)?;
    let reached = DeviceLimitReached {
        limit: limit.unsigned_abs().into(),
        held: held.unsigned_abs(),
        added: added as u64,
    };
    Ok((reached.held + reached.added > reached.limit).then_some(reached))
}
