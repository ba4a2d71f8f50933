//! Erasure of users: deletes a user and its traces (ADR 32).
//!
//! Each step is a transaction and leaves the rest to the next one. The row of the user goes last,
//! so that an interrupted erasure can be repeated.

mod mentions;
mod responses;
mod traces;

use devices_domain::{
    Action, Author, DeviceId, Email, Operator, RepositoryError, Subject, UserId, WorkspaceId,
};
use diesel::connection::SimpleConnection;
use diesel::dsl::{now, sql};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::postgres::audit_events::NewEvent;
use crate::postgres::connection::database::Database;
use crate::postgres::connection::error::classify;
use crate::postgres::schema::tables::{audit_events, devices, users};
use crate::postgres::transaction::run::{Effect, Failure};
use crate::postgres::usage_counts::Resource;
pub use mentions::Mentions;
use traces::{DeviceState, Released};

/// Erases users. Requires the privileges of the owner of the tables.
#[derive(Clone)]
pub struct PostgresErasure {
    database: Database,
}

/// Selection of the users of a workspace to erase, deleted users included.
#[derive(Debug, Clone, PartialEq)]
pub enum UserSelector {
    /// The user with this id.
    Id(UserId),
    /// All users with this email address, compared by its folded form.
    Email(Email),
}

/// A user that can be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasableUser {
    /// Id.
    pub id: UserId,
    /// Active devices that are assigned to the user, in ascending order of id.
    pub active_devices: Vec<DeviceId>,
    /// Personal values by which texts are searched.
    values: PersonalValues,
}

/// Personal values that name a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonalValues(Vec<String>);

/// Numbers of the traces that an erasure removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErasedTraces {
    /// Active devices that were unassigned.
    pub active_devices: usize,
    /// Archived devices that lost their assignee.
    pub archived_devices: usize,
    /// Enrolments that lost their `local_name`.
    pub enrollments: usize,
    /// Stored responses of idempotent requests that were deleted.
    pub responses: usize,
}

/// Error of erasing a user.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Active devices are assigned to the user, and must not be unassigned.
    #[error("devices are assigned to the user")]
    HasDevices,
    /// The repository failed. The erasure may have begun, and can be repeated.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl PostgresErasure {
    /// Creates an erasure on this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Checks the privileges that erasures need.
    ///
    /// # Errors
    /// `Failed` if the user of the database may not delete users.
    pub async fn check_privileges(&self) -> Result<(), RepositoryError> {
        // The names are bound, since the statement reads no rows of the tables.
        let may_delete = sql::<Bool>("has_table_privilege(")
            .bind::<Text, _>("users")
            .sql(", 'DELETE')");
        let may_delete: bool = self
            .database
            .run(|connection| {
                let privilege = diesel::select(may_delete);
                privilege.get_result(connection).map_err(classify)
            })
            .await?;
        if may_delete {
            Ok(())
        } else {
            Err(RepositoryError::Failed(
                "permission denied to delete from table users".into(),
            ))
        }
    }

    /// Finds the users to erase.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find(
        &self,
        workspace: WorkspaceId,
        selector: UserSelector,
    ) -> Result<Vec<ErasableUser>, RepositoryError> {
        self.database
            .read(move |connection| find(connection, workspace, &selector))
            .await
    }

    /// Returns whether the audit trail contains the erasure of the user.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn was_erased(
        &self,
        workspace: WorkspaceId,
        user: UserId,
    ) -> Result<bool, RepositoryError> {
        let event = audit_events::table
            .filter(audit_events::workspace_id.eq(workspace.0))
            .filter(audit_events::user_id.eq(user.0))
            .filter(audit_events::action.eq(Action::Erased.as_str()));
        let query = diesel::select(diesel::dsl::exists(event));
        self.database
            .run(move |connection| query.get_result(connection).map_err(classify))
            .await
    }

    /// Erases a user: unassigns its active devices if `unassigns`, removes it from archived ones,
    /// deletes the responses that name it, and deletes the user. Servers may run meanwhile.
    ///
    /// # Errors
    /// `HasDevices` if it has active devices, and `unassigns` is `false`.
    pub async fn erase(
        &self,
        workspace: WorkspaceId,
        user: &ErasableUser,
        unassigns: bool,
        operator: Operator,
    ) -> Result<ErasedTraces, EraseError> {
        let id = user.id;
        let author = Author::Command(operator);
        let mut erased = ErasedTraces::default();
        loop {
            let author = author.clone();
            let (released, is_last) = self
                .database
                .transact(move |connection| delete(connection, workspace, id, unassigns, &author))
                .await?;
            erased.active_devices += released.devices;
            erased.add_released(&released);
            if is_last {
                break;
            }
        }
        let values = user.values.clone();
        erased.responses += self
            .transact(move |connection| responses::delete_naming(connection, workspace, &values))
            .await?;
        loop {
            let author = author.clone();
            let released = self
                .transact(move |connection| {
                    traces::release(connection, workspace, id, DeviceState::Archived, &author)
                })
                .await?;
            erased.archived_devices += released.devices;
            erased.add_released(&released);
            if released.is_last() {
                break;
            }
        }
        self.transact(move |connection| erase_row(connection, workspace, id, &author))
            .await?;
        Ok(erased)
    }

    /// Runs work in a transaction of its own. A lost COMMIT stays in doubt: the command can be
    /// repeated.
    async fn transact<T: Send + 'static>(
        &self,
        work: impl Fn(&mut PgConnection) -> QueryResult<T> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.database
            .transact(move |connection| Ok((work(connection)?, Effect::Unmarked)))
            .await
    }

    /// Finds what still names these users after they were erased: texts that the clients of the
    /// workspace wrote.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn mentions(
        &self,
        workspace: WorkspaceId,
        users: &[ErasableUser],
    ) -> Result<Mentions, RepositoryError> {
        let values = users.iter().flat_map(|user| user.values.0.clone());
        let values = PersonalValues(values.collect());
        self.database
            .read(move |connection| mentions::find(connection, workspace, &values))
            .await
    }

    /// Removes the dead rows of the erased users from the tables, and their values from the
    /// statistics of the query planner: `VACUUM (ANALYZE)`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn vacuum(&self) -> Result<(), RepositoryError> {
        self.database
            .run(|connection| connection.batch_execute(VACUUM).map_err(classify))
            .await
    }
}

/// Statement of [`PostgresErasure::vacuum`]. `TRUNCATE false`, because VACUUM otherwise locks out
/// the readers of a table that ends with empty pages.
pub const VACUUM: &str = "/* all workspaces */ \
     VACUUM (ANALYZE, TRUNCATE false) users, devices_mdm, idempotency_keys";

impl ErasedTraces {
    /// Adds the traces of another user.
    pub fn add(&mut self, other: Self) {
        self.active_devices += other.active_devices;
        self.archived_devices += other.archived_devices;
        self.enrollments += other.enrollments;
        self.responses += other.responses;
    }

    fn add_released(&mut self, released: &Released) {
        self.enrollments += released.enrollments;
        self.responses += released.responses;
    }
}

/// A row of `users`, with its personal values.
type UserRow = (
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
);

fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    selector: &UserSelector,
) -> QueryResult<Vec<ErasableUser>> {
    let columns = (
        users::id,
        users::email,
        users::email_folded,
        users::first_name,
        users::last_name,
        users::phone,
    );
    let mut query = users::table
        .filter(users::workspace_id.eq(workspace.0))
        .order(users::id)
        .select(columns)
        .into_boxed();
    query = match selector {
        UserSelector::Id(id) => query.filter(users::id.eq(id.0)),
        UserSelector::Email(email) => query.filter(users::email_folded.eq(email.folded())),
    };
    let rows: Vec<UserRow> = query.load(connection)?;
    let mut found = Vec::new();
    for row in rows {
        let active_devices: Vec<i64> = devices::table
            .filter(devices::workspace_id.eq(workspace.0))
            .filter(devices::user_id.eq(row.0))
            .filter(devices::deleted_at.is_null())
            .order(devices::id)
            .select(devices::id)
            .load(connection)?;
        found.push(ErasableUser {
            id: UserId(row.0),
            active_devices: active_devices.into_iter().map(DeviceId).collect(),
            values: PersonalValues::new(&row),
        });
    }
    Ok(found)
}

impl PersonalValues {
    /// Collects the email address, the phone number and the full name. A first or last name alone,
    /// such as Max, occurs in too many texts that do not name the user.
    fn new((_, email, folded, first_name, last_name, phone): &UserRow) -> Self {
        const MIN_LENGTH: usize = 3;
        let mut values = vec![email.clone(), folded.clone()];
        values.extend(phone.clone());
        if let (Some(first), Some(last)) = (first_name, last_name) {
            values.extend([
                format!("{first} {last}"),
                format!("{last} {first}"),
                format!("{last}, {first}"),
            ]);
        }
        values.retain(|value| value.chars().count() >= MIN_LENGTH);
        Self(values)
    }
}

/// Unassigns a batch of the active devices of a user. Deletes the user if there are no others.
/// Returns `true` if so: no device can be assigned to it any more.
fn delete(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    unassigns: bool,
    author: &Author,
) -> Result<((Released, bool), Effect), Failure<EraseError>> {
    let row = users::table.find((workspace.0, user.0));
    // Conflicts with the lock of a transaction that assigns a device to the user.
    let is_active: Option<bool> = row
        .select(users::deleted_at.is_null())
        .for_update()
        .first(connection)
        .optional()?;
    if is_active != Some(true) {
        return Ok(((Released::default(), true), Effect::None));
    }
    let released = traces::release(connection, workspace, user, DeviceState::Active, author)?;
    if released.devices > 0 && !unassigns {
        return Err(Failure::Rejected(EraseError::HasDevices));
    }
    let is_last = released.is_last();
    if is_last {
        diesel::update(row)
            .set((users::deleted_at.eq(now), users::updated_at.eq(now)))
            .execute(connection)?;
        let event = NewEvent::new(Action::Deleted, Subject::User(user));
        let event = event.with_usage(Resource::Users, -1);
        event.insert_audit_event(connection, workspace, author)?;
    }
    Ok(((released, is_last), Effect::Unmarked))
}

/// Deletes the row of a user that no device names.
fn erase_row(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    user: UserId,
    author: &Author,
) -> QueryResult<()> {
    let row = users::table.find((workspace.0, user.0));
    if diesel::delete(row).execute(connection)? == 0 {
        return Ok(());
    }
    NewEvent::new(Action::Erased, Subject::User(user))
        .insert_audit_event(connection, workspace, author)
}
