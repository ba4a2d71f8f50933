//! Email addresses that differ as PostgreSQL compared them, and are equal when they are folded.

use std::collections::HashMap;

use devices_domain::fold_case;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

/// Active users of a workspace whose addresses are equal when they are folded.
#[derive(Debug, PartialEq, Eq)]
struct Collision {
    workspace: i64,
    users: Vec<i64>,
}

/// The stored users collide. Nothing was converted.
#[derive(Debug, thiserror::Error)]
#[error(
    "these users have the same email address when it is compared without regard to case and to the \
     encoding of accents: {list}. Nothing was converted, and servers of the previous version still \
     work. Change the address of all but one user of each group, or delete those users, then run \
     `devices-api migrate` again"
)]
pub(super) struct Collisions {
    list: String,
}

/// Rejects colliding addresses. They are not folded yet when servers of the previous version run,
/// so they are read again on each run.
///
/// Folded serial numbers need no check. Since runs of blanks count as one blank, more values are
/// equal, but no stored value has such a run: it was rejected until then.
pub(super) fn check(
    connection: &mut PgConnection,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let collisions = find(connection)?;
    if collisions.is_empty() {
        return Ok(());
    }
    Err(Collisions {
        list: describe(&collisions),
    }
    .into())
}

#[derive(QueryableByName)]
struct EmailRow {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    email: String,
}

/// Reads the users in pages, and keeps the addresses of one workspace at a time.
fn find(connection: &mut PgConnection) -> QueryResult<Vec<Collision>> {
    let mut collisions = Vec::new();
    let mut workspace = 0;
    let mut users_by_email: HashMap<String, Vec<i64>> = HashMap::new();
    let mut after = (0, 0);
    loop {
        let rows: Vec<EmailRow> = diesel::sql_query(
            "SELECT workspace_id, id, email FROM users \
             WHERE (workspace_id, id) > ($1, $2) AND deleted_at IS NULL \
             ORDER BY workspace_id, id LIMIT $3",
        )
        .bind::<BigInt, _>(after.0)
        .bind::<BigInt, _>(after.1)
        .bind::<BigInt, _>(super::BATCH_SIZE)
        .load(connection)?;
        let Some(last) = rows.last() else {
            take_collisions(workspace, &mut users_by_email, &mut collisions);
            return Ok(collisions);
        };
        after = (last.workspace_id, last.id);
        for row in rows {
            if row.workspace_id != workspace {
                take_collisions(workspace, &mut users_by_email, &mut collisions);
                workspace = row.workspace_id;
            }
            let users = users_by_email.entry(fold_case(&row.email).into_owned());
            users.or_default().push(row.id);
        }
    }
}

/// Moves the collisions of a workspace to the list, in the order of their first users.
fn take_collisions(
    workspace: i64,
    users_by_email: &mut HashMap<String, Vec<i64>>,
    collisions: &mut Vec<Collision>,
) {
    let groups = users_by_email.drain().map(|(_, users)| users);
    let mut groups: Vec<Vec<i64>> = groups.filter(|users| users.len() > 1).collect();
    groups.sort_unstable();
    let groups = groups.into_iter();
    collisions.extend(groups.map(|users| Collision { workspace, users }));
}

/// Lists the collisions by ids. Addresses must not get into logs.
fn describe(collisions: &[Collision]) -> String {
    const MAX_LISTED: usize = 100;
    let listed = collisions.iter().take(MAX_LISTED).map(|collision| {
        let users: Vec<String> = collision.users.iter().map(ToString::to_string).collect();
        format!(
            "users {} of workspace {}",
            users.join(" and "),
            collision.workspace
        )
    });
    let list = listed.collect::<Vec<_>>().join(", ");
    match collisions.len().checked_sub(MAX_LISTED) {
        None | Some(0) => list,
        Some(rest) => format!("{list}, and {rest} more groups"),
    }
}
