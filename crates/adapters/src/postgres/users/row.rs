//! The columns and the row of a user.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use devices_domain::{
    Assignee, Email, SearchDocument, ShortText, User, UserFields, UserId, WorkspaceId,
};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::postgres::query::columns::{Column, columns};
use crate::postgres::query::prepared::PreparedSql;
use crate::postgres::query::tsvector::{EncodedDocument, Tsvector};
use crate::postgres::schema::tables::users;

columns! {
    users: UserColumns of UserFields {
        email: Cow<'a, str>,
        first_name: Option<Cow<'a, str>>,
        last_name: Option<Cow<'a, str>>,
        phone: Option<Cow<'a, str>>,
        phone_country: Option<Cow<'a, str>>,
        language: Option<Cow<'a, str>>,
        position: Option<Cow<'a, str>>,
        role: Cow<'a, str>,
        arrival_date: Option<NaiveDate>,
        departure_date: Option<NaiveDate>,
    }
}

/// Columns that are computed from the fields.
#[derive(Insertable)]
#[diesel(table_name = users)]
pub(crate) struct DerivedColumns<'a> {
    email_folded: &'a str,
    search_document: EncodedDocument,
}

impl<'a> DerivedColumns<'a> {
    pub(crate) fn new(fields: &'a UserFields) -> Self {
        Self {
            email_folded: fields.email.folded(),
            search_document: EncodedDocument::new(&SearchDocument::for_user(fields)),
        }
    }

    /// Binds the values of the columns, in their order.
    pub(crate) fn bind_to<'q>(self, query: PreparedSql<'q>) -> PreparedSql<'q>
    where
        'a: 'q,
    {
        query
            .bind::<Text, _>(self.email_folded)
            .bind::<Tsvector, _>(self.search_document)
    }
}

/// A row of `users`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    workspace_id: i64,
    #[diesel(embed)]
    columns: UserColumns<'static>,
    created_at: DateTime<Utc>,
}

impl UserRow {
    pub(crate) fn into_user(self) -> QueryResult<User> {
        Ok(User {
            id: UserId(self.id),
            workspace_id: WorkspaceId(self.workspace_id),
            fields: self.columns.into_fields()?,
            created_at: self.created_at,
        })
    }
}

/// The columns of a user that devices show.
#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct AssigneeRow {
    id: i64,
    email: String,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl AssigneeRow {
    pub(crate) fn into_assignee(self) -> Assignee {
        Assignee {
            id: UserId(self.id),
            email: Email::from_trusted(self.email),
            first_name: self.first_name.map(ShortText::from_trusted),
            last_name: self.last_name.map(ShortText::from_trusted),
        }
    }
}
