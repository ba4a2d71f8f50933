//! Conversion of users: folded email addresses and search documents.

use devices_domain::{Email, SearchDocument, ShortText, UserFields};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::{BATCH_SIZE, Position};
use crate::postgres::query::tsvector::{DocumentArray, EncodedDocuments, Tsvector};

#[derive(QueryableByName)]
struct UnconvertedUser {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Nullable<Text>)]
    first_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    last_name: Option<String>,
}

/// Converts a batch of users, deleted ones included.
pub(super) fn convert_batch(
    connection: &mut PgConnection,
    after: Position,
) -> QueryResult<Option<(Position, usize)>> {
    let rows: Vec<UnconvertedUser> = diesel::sql_query(
        "SELECT workspace_id, id, email, first_name, last_name FROM users \
         WHERE (workspace_id, id) > ($1, $2) AND email_folded IS NULL \
         ORDER BY workspace_id, id LIMIT $3 FOR NO KEY UPDATE",
    )
    .bind::<BigInt, _>(after.0)
    .bind::<BigInt, _>(after.1)
    .bind::<BigInt, _>(BATCH_SIZE)
    .load(connection)?;
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    let position = (last.workspace_id, last.id);
    let (workspaces, ids): (Vec<i64>, Vec<i64>) =
        rows.iter().map(|row| (row.workspace_id, row.id)).unzip();
    let (mut emails, mut documents) = (Vec::new(), EncodedDocuments::default());
    for row in rows {
        let mut fields = UserFields::new(Email::from_trusted(row.email));
        fields.first_name = row.first_name.map(ShortText::from_trusted);
        fields.last_name = row.last_name.map(ShortText::from_trusted);
        emails.push(fields.email.folded().to_owned());
        documents.push(&SearchDocument::for_user(&fields));
    }
    let count = ids.len();
    diesel::sql_query(
        "UPDATE users SET email_folded = converted.email_folded, \
                          search_document = converted.search_document \
         FROM unnest($1, $2, $3, $4) AS converted (workspace_id, id, email_folded, search_document) \
         WHERE users.workspace_id = converted.workspace_id AND users.id = converted.id",
    )
    .bind::<Array<BigInt>, _>(workspaces)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Text>, _>(emails)
    .bind::<Array<Tsvector>, _>(DocumentArray(vec![&documents]))
    .execute(connection)?;
    Ok(Some((position, count)))
}
