//! Look-up of conflicts with stored data, and of the other data that an insert needs.

use std::collections::{BTreeSet, HashMap};

use devices_domain::{
    Conflicts, DeviceId, DeviceLimit, LookupKeys, LookupResult, UniqueField, UserId, WorkspaceId,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};

use super::device_limit::DEVICE_LIMIT;
use crate::postgres::query::list_size::ListSize;
use crate::postgres::query::prepared::{PreparedSql, prepared};
use crate::postgres::usage_counts::{self, Resource};

/// Row that a [`ConflictLookup`] selects.
#[derive(QueryableByName)]
pub(super) struct LookupRow {
    #[diesel(sql_type = Nullable<Integer>)]
    pub(super) device_limit: Option<i32>,
    /// Triples: position of a unique field in [`UniqueField::ALL`] and of a value of it, both
    /// counted from 1, and the id of the device that has the value.
    #[diesel(sql_type = Array<BigInt>)]
    taken: Vec<i64>,
    #[diesel(sql_type = Array<BigInt>)]
    existing_users: Vec<i64>,
    /// Pairs: position of an email address, counted from 1, and the id of its user.
    #[diesel(sql_type = Array<BigInt>)]
    users_by_email: Vec<i64>,
}

/// Extent of a look-up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Finds all conflicts.
    Complete,
    /// Does not look up taken values of unique fields: the unique indexes reject the first one.
    SkipUniqueFields,
}

/// Looks up conflicts in one statement, whatever the number of keys, or two if the workspace has a
/// device limit. Sends none if the unique fields are skipped and there are no users to look up.
/// Locks the users that are found: they are not deleted before the transaction ends.
pub(crate) fn find(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    keys: &LookupKeys,
    lookup: Lookup,
) -> QueryResult<LookupResult> {
    if lookup == Lookup::SkipUniqueFields && keys.users.is_empty() && keys.emails.is_empty() {
        return Ok(LookupResult::default());
    }
    let lookup = ConflictLookup::new(keys, lookup);
    let text = format!("SELECT {}", lookup.columns(2));
    let query = prepared(text).bind::<BigInt, _>(workspace.0);
    let row: LookupRow = lookup.bind_to(query).get_result(connection)?;
    let mut found = lookup.result(&row);
    if let Some(limit) = row.device_limit
        && keys.added_devices > 0
    {
        found.device_limit = Some(DeviceLimit {
            limit: limit.unsigned_abs().into(),
            held: usage_counts::total(connection, workspace, Resource::Devices)?,
        });
    }
    Ok(found)
}

/// The part of a statement that looks up conflicts.
pub(super) struct ConflictLookup<'a> {
    keys: &'a LookupKeys,
    lookup: Lookup,
    users: Vec<i64>,
    emails: Vec<&'a str>,
}

impl<'a> ConflictLookup<'a> {
    pub(super) fn new(keys: &'a LookupKeys, lookup: Lookup) -> Self {
        let emails = keys.emails.iter().map(|(email, _)| email.as_str());
        let mut emails: Vec<&str> = emails.collect();
        emails.dedup();
        Self {
            keys,
            lookup,
            users: keys.users.iter().map(|user| user.0).collect(),
            emails,
        }
    }

    /// Returns the columns of a [`LookupRow`]. `first` is the number of the first parameter of
    /// [`bind_to`](Self::bind_to).
    ///
    /// Contains only the subqueries that the keys need: each takes time even if its array is empty.
    pub(super) fn columns(&self, first: usize) -> String {
        const EMPTY: &str = "'{}'::bigint[]";
        let subquery_if = |is_needed: bool, subquery: String| {
            if is_needed {
                subquery
            } else {
                EMPTY.to_owned()
            }
        };
        let size = unique_size(self.keys);
        let users = ListSize::for_length(self.users.len());
        let emails = ListSize::for_length(self.emails.len());
        // The parameters of the unique fields follow those of users and email addresses.
        let taken = self
            .unique_fields()
            .zip(first + 2..)
            .map(|(field, parameter)| taken_values(field, parameter, size))
            .reduce(|all, next| format!("{all} || {next}"));
        format!(
            "{DEVICE_LIMIT} AS device_limit, \
             {} AS taken, {} AS existing_users, {} AS users_by_email",
            taken.unwrap_or_else(|| EMPTY.to_owned()),
            subquery_if(!self.users.is_empty(), existing_users(users, first)),
            subquery_if(!self.emails.is_empty(), users_by_email(emails, first + 1)),
        )
    }

    /// Binds the parameters of [`columns`](Self::columns) after the first.
    pub(super) fn bind_to<'q>(&'q self, query: PreparedSql<'q>) -> PreparedSql<'q> {
        let query = query
            .bind::<Array<BigInt>, _>(&self.users)
            .bind::<Array<Text>, _>(&self.emails);
        self.unique_fields().fold(query, |query, field| {
            query.bind::<Array<Text>, _>(&self.keys.unique[field])
        })
    }

    /// Number of parameters of [`bind_to`](Self::bind_to).
    pub(super) fn parameters(&self) -> usize {
        2 + self.unique_fields().count()
    }

    /// Returns whether the keys contain serial numbers.
    pub(super) fn has_serial_numbers(&self) -> bool {
        !self.keys.unique[UniqueField::SerialNumber].is_empty()
    }

    /// Converts the row, without the device limit and the quota of users.
    pub(super) fn result(&self, row: &LookupRow) -> LookupResult {
        let users_by_email: HashMap<String, UserId> = row
            .users_by_email
            .chunks_exact(2)
            .map(|pair| {
                (
                    self.emails[array_index(pair[0])].to_owned(),
                    UserId(pair[1]),
                )
            })
            .collect();
        LookupResult {
            conflicts: conflicts(self.keys, &row.existing_users, &users_by_email, &row.taken),
            users_by_email,
            device_limit: None,
            user_quota: None,
        }
    }

    /// Iterates over the unique fields to look up: those that have values, unless they are skipped.
    fn unique_fields(&self) -> impl Iterator<Item = UniqueField> {
        let fields = self.keys.unique.iter();
        let fields = fields.filter(|(_, values)| !values.is_empty());
        fields
            .map(|(field, _)| field)
            .filter(|_| self.lookup != Lookup::SkipUniqueFields)
    }
}

fn conflicts(
    keys: &LookupKeys,
    existing_users: &[i64],
    users_by_email: &HashMap<String, UserId>,
    taken: &[i64],
) -> Conflicts {
    let mut conflicts = Conflicts::default();
    let existing: BTreeSet<UserId> = existing_users.iter().copied().map(UserId).collect();
    conflicts.unknown_users = keys
        .users
        .iter()
        .copied()
        .filter(|user| !existing.contains(user))
        .collect();
    for (email, sent_id) in &keys.emails {
        match (users_by_email.get(email), sent_id) {
            (None, _) => drop(conflicts.unknown_emails.insert(email.clone())),
            (Some(user), Some(sent_id)) if user != sent_id => {
                conflicts.mismatched_users.insert((email.clone(), *sent_id));
            }
            (Some(_), _) => {}
        }
    }
    for triple in taken.chunks_exact(3) {
        let field = UniqueField::ALL[array_index(triple[0])];
        let device = DeviceId(triple[2]);
        if Some(device) != keys.changed_device {
            let value = keys.unique[field][array_index(triple[1])].clone();
            conflicts.taken[field].insert(value, device);
        }
    }
    conflicts
}

/// Converts a position that PostgreSQL counts from 1.
fn array_index(ordinality: i64) -> usize {
    ordinality as usize - 1
}

// Each LATERAL subquery below has LIMIT 1, so that it probes an index once per value. For `= ANY`
// on a table that was never analysed, the planner would read every row of the workspace instead.

/// Returns the subquery for the taken values of a unique field.
fn taken_values(field: UniqueField, parameter: usize, size: ListSize) -> String {
    let column = format!("{}_folded", field.name());
    let number = field as usize + 1;
    let requested = size.rows(&[("value", &format!("${parameter}"))]);
    // On a small table, all indexes look equally cheap, unless the condition of one repeats a part
    // of the query. The plan is kept while the table grows, so it must be that of this field.
    let index_condition = match field {
        UniqueField::SerialNumber => String::new(),
        UniqueField::AssetTag => format!("AND holder_{number}.{column} IS NOT NULL "),
    };
    format!(
        "ARRAY( \
            SELECT unnest(ARRAY[{number}, requested.position, existing.id]) \
            FROM {requested} \
            CROSS JOIN LATERAL ( \
                SELECT holder_{number}.id FROM devices AS holder_{number} \
                WHERE holder_{number}.workspace_id = $1 \
                  AND holder_{number}.{column} = requested.value \
                  {index_condition}AND holder_{number}.deleted_at IS NULL \
                LIMIT 1 \
            ) AS existing)"
    )
}

/// Returns the size of the longest list of values of a unique field. All these lists use this size,
/// so that there are few texts.
fn unique_size(keys: &LookupKeys) -> ListSize {
    let longest = keys.unique.iter().map(|(_, values)| values.len()).max();
    ListSize::for_length(longest.unwrap_or_default())
}

/// Returns the subquery for the users that exist. It locks them.
fn existing_users(size: ListSize, parameter: usize) -> String {
    let requested = size.rows(&[("id", &format!("${parameter}"))]);
    // FOR KEY SHARE waits for a concurrent deletion of the user and then checks the row again. It
    // also keeps the user from being deleted before this transaction ends.
    // `deleted_at` is checked outside. Inside, the partial index on email addresses would also
    // match, and its plan would read all users of the workspace once the table has grown.
    format!(
        "ARRAY( \
            SELECT existing.id FROM {requested} \
            CROSS JOIN LATERAL ( \
                SELECT users.id, users.deleted_at FROM users \
                WHERE users.workspace_id = $1 AND users.id = requested.id \
                LIMIT 1 FOR KEY SHARE \
            ) AS existing WHERE existing.deleted_at IS NULL)"
    )
}

/// Returns the subquery for the users with the given email addresses. It locks them.
fn users_by_email(size: ListSize, parameter: usize) -> String {
    let requested = size.rows(&[("email_folded", &format!("${parameter}"))]);
    // Locks the user in a second step. A look-up with FOR KEY SHARE checks `deleted_at` again, so
    // that the index on email addresses would look no cheaper than the primary key.
    format!(
        "ARRAY( \
            SELECT unnest(ARRAY[requested.position, existing.id]) FROM {requested} \
            CROSS JOIN LATERAL ( \
                SELECT assignee.id FROM users AS assignee \
                WHERE assignee.workspace_id = $1 \
                  AND assignee.email_folded = requested.email_folded \
                  AND assignee.deleted_at IS NULL \
                LIMIT 1 \
            ) AS found \
            CROSS JOIN LATERAL ( \
                SELECT locked.id, locked.email_folded, locked.deleted_at FROM users AS locked \
                WHERE locked.workspace_id = $1 AND locked.id = found.id \
                LIMIT 1 FOR KEY SHARE \
            ) AS existing \
            WHERE existing.email_folded = requested.email_folded AND existing.deleted_at IS NULL)"
    )
}
