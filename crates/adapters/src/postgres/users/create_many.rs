//! Creation of many users in the transaction of a batch.

use std::sync::LazyLock;

use devices_domain::{
    Action, Email, Origin, Role, SearchDocument, UserFields, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use crate::postgres::audit_events::interface_column;
use crate::postgres::query::prepared::prepared;
use crate::postgres::query::tsvector::{DocumentArray, EncodedDocuments, Tsvector};
use crate::postgres::usage_counts::Resource;

#[derive(QueryableByName)]
struct IdsRow {
    #[diesel(sql_type = Array<BigInt>)]
    ids: Vec<i64>,
}

/// Reserves ids for users. A statement of its own, because on a cluster only the coordinator may
/// use the sequence.
pub(crate) fn reserve_ids(connection: &mut PgConnection, count: usize) -> QueryResult<Vec<UserId>> {
    let row: IdsRow =
        prepared("SELECT ARRAY(SELECT nextval('users_id_seq') FROM generate_series(1, $1)) AS ids")
            .bind::<Integer, _>(count as i32)
            .get_result(connection)?;
    Ok(row.ids.into_iter().map(UserId).collect())
}

/// A user of whom only the email address is known.
#[derive(Clone, Copy)]
pub(crate) struct NewUser<'a> {
    pub(crate) id: UserId,
    pub(crate) email: &'a Email,
    /// Id of the event of the creation.
    pub(crate) event: i64,
}

/// Maximum number of users per statement, which also indexes their search documents.
const MAX_USERS: usize = 2_500;

/// Inserts users with their audit events, with one statement per [`MAX_USERS`].
pub(crate) fn create_many(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    mut users: Vec<NewUser<'_>>,
    origin: &Origin,
) -> QueryResult<()> {
    // Two transactions must insert the same users in the same order. In opposite orders they would
    // deadlock at the unique index.
    users.sort_unstable_by_key(|user| user.email.folded());
    let mut chunks = users.chunks(MAX_USERS);
    chunks.try_for_each(|users| insert_chunk(connection, workspace, users, origin))
}

fn insert_chunk(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    users: &[NewUser<'_>],
    origin: &Origin,
) -> QueryResult<()> {
    let mut documents = EncodedDocuments::default();
    for user in users {
        let fields = UserFields::new(user.email.clone());
        documents.push(&SearchDocument::for_user(&fields));
    }
    let ids: Vec<i64> = users.iter().map(|user| user.id.0).collect();
    let events: Vec<i64> = users.iter().map(|user| user.event).collect();
    let emails: Vec<&str> = users.iter().map(|user| user.email.as_str()).collect();
    let folded: Vec<&str> = users.iter().map(|user| user.email.folded()).collect();
    prepared(INSERT.as_str())
        .bind::<BigInt, _>(workspace.0)
        .bind::<Array<BigInt>, _>(ids)
        .bind::<Array<Text>, _>(emails)
        .bind::<Array<Text>, _>(folded)
        .bind::<Array<Tsvector>, _>(DocumentArray(vec![&documents]))
        .bind::<Array<BigInt>, _>(events)
        .bind::<BigInt, _>(origin.key.0)
        .bind::<Text, _>(&origin.request_id)
        .bind::<Nullable<Text>, _>(origin.client_request_id.as_deref())
        .bind::<Nullable<Text>, _>(interface_column(origin))
        .execute(connection)
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let role = Role::default().as_str();
    let created = Action::Created.as_str();
    let users = Resource::Users.as_str();
    format!(
        "WITH created AS ( \
             INSERT INTO users (workspace_id, id, role, email, email_folded, search_document) \
             SELECT $1, new.id, '{role}', new.email, new.email_folded, new.document \
             FROM unnest($2, $3, $4, $5) AS new (id, email, email_folded, document) \
         ), event AS ( \
             INSERT INTO device_events (workspace_id, id, action, key_id, request_id, \
                                        client_request_id, interface, device_ids, user_id) \
             SELECT $1, event.id, '{created}', $7, $8, $9, $10, '{{}}'::bigint[], event.user_id \
             FROM unnest($6, $2) AS event (id, user_id) \
         ) \
         INSERT INTO usage_changes (workspace_id, resource, change) \
         SELECT $1, '{users}', cardinality($2)"
    )
});
