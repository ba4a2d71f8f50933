//! Counts all devices of a workspace.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use devices_domain::{ClientStatus, Lifecycle, Overview, StatusInputs, WorkspaceId, fold_case};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Date, Integer, Nullable, Text, Timestamptz};

/// Maximum number of spellings of types and brands that are read. Rarer ones are not counted by
/// type and brand.
const MAX_SPELLINGS: i64 = 20_000;

/// Devices with the same inputs of their status, the same type, or the same brand.
#[derive(QueryableByName)]
struct GroupRow {
    /// Property that the devices of the group share: a constant below.
    #[diesel(sql_type = Integer)]
    property: i32,
    #[diesel(sql_type = Nullable<Bool>)]
    is_archived: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    lifecycle: Option<String>,
    #[diesel(sql_type = Nullable<Bool>)]
    is_assigned: Option<bool>,
    #[diesel(sql_type = Nullable<Text>)]
    type_: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    type_folded: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    brand: Option<String>,
    #[diesel(sql_type = BigInt)]
    devices: i64,
    #[diesel(sql_type = BigInt)]
    warranty_ending: i64,
    #[diesel(sql_type = BigInt)]
    rental_ending: i64,
    #[diesel(sql_type = Timestamptz)]
    counted_at: DateTime<Utc>,
}

/// Values of GROUPING, whose bits are 1 for the columns `type` and `brand` that a group is not made
/// by.
const STATUS: i32 = 0b11;
const TYPE: i32 = 0b01;
const BRAND: i32 = 0b10;

/// Reads the devices once, and groups them by each property. Groups by status come first, then the
/// largest: only rare spellings can be cut off.
const COUNT: &str = "\
    SELECT property, is_archived, lifecycle, is_assigned, type AS type_, type_folded, brand, \
           devices, warranty_ending, rental_ending, now() AS counted_at \
    FROM (SELECT grouping(type, brand) AS property, is_archived, lifecycle, is_assigned, type, \
                 type_folded, brand, count(*) AS devices, \
                 count(*) FILTER (WHERE warranty_ends) AS warranty_ending, \
                 count(*) FILTER (WHERE rental_ends) AS rental_ending \
          FROM (SELECT deleted_at IS NOT NULL AS is_archived, lifecycle, \
                       user_id IS NOT NULL AS is_assigned, type, type_folded, brand, \
                       client_warranty_end_date BETWEEN $2 AND $3 AS warranty_ends, \
                       client_rental_end_date BETWEEN $2 AND $3 AS rental_ends \
                FROM devices WHERE devices.workspace_id = $1) AS device \
          GROUP BY GROUPING SETS ((is_archived, lifecycle, is_assigned), \
                                  (is_archived, type, type_folded), (is_archived, brand)) \
         ) AS device_group \
    WHERE property = 3 OR NOT is_archived \
    ORDER BY property = 3 DESC, devices DESC LIMIT $4";

/// Counts the devices in one statement, and so in one snapshot. The connection must be in a
/// transaction.
pub(super) fn overview(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    today: NaiveDate,
) -> QueryResult<Overview> {
    // The time is right for about ten million devices.
    diesel::sql_query("SET LOCAL statement_timeout = '60s'").execute(connection)?;
    let soon = Overview::soon(today);
    let groups: Vec<GroupRow> = diesel::sql_query(COUNT)
        .bind::<BigInt, _>(workspace.0)
        .bind::<Nullable<Date>, _>(soon.first)
        .bind::<Nullable<Date>, _>(soon.last)
        .bind::<BigInt, _>(MAX_SPELLINGS)
        .load(connection)?;
    Ok(summarize(groups))
}

fn summarize(groups: Vec<GroupRow>) -> Overview {
    let counted_at = groups
        .first()
        .map_or_else(Utc::now, |group| group.counted_at);
    let mut overview = Overview {
        total: 0,
        archived: 0,
        by_status: Vec::new(),
        by_type: Vec::new(),
        by_brand: Vec::new(),
        warranty_ending: 0,
        rental_ending: 0,
        counted_at,
    };
    let (mut types, mut brands) = (Spellings::default(), Spellings::default());
    let mut without_brand = 0;
    let mut statuses = ClientStatus::ALL
        .iter()
        .map(|status| (*status, 0))
        .collect::<Vec<_>>();
    for group in groups {
        let devices = group.devices.unsigned_abs();
        match group.property {
            STATUS if group.is_archived == Some(true) => overview.archived += devices,
            STATUS => {
                overview.total += devices;
                overview.warranty_ending += group.warranty_ending.unsigned_abs();
                overview.rental_ending += group.rental_ending.unsigned_abs();
                let status = status(&group);
                let of_status = statuses.iter_mut().filter(|(each, _)| *each == status);
                of_status.for_each(|(_, count)| *count += devices);
            }
            TYPE => {
                let type_ = group.type_.unwrap_or_default();
                let folded = group.type_folded.unwrap_or_else(|| type_.clone());
                types.add(folded, type_, devices);
            }
            BRAND => match group.brand {
                Some(brand) => brands.add(fold_case(&brand).into_owned(), brand, devices),
                None => without_brand += devices,
            },
            _ => {}
        }
    }
    statuses.retain(|(_, devices)| *devices > 0);
    overview.by_status = statuses;
    overview.by_type = types.into_counts();
    let brands = brands.into_counts().into_iter();
    overview.by_brand = brands
        .map(|(brand, devices)| (Some(brand), devices))
        .collect();
    if without_brand > 0 {
        overview.by_brand.push((None, without_brand));
        overview
            .by_brand
            .sort_by_key(|(_, devices)| std::cmp::Reverse(*devices));
    }
    overview
}

fn status(group: &GroupRow) -> ClientStatus {
    ClientStatus::of(StatusInputs {
        is_archived: false,
        lifecycle: group.lifecycle.as_deref().and_then(Lifecycle::from_name),
        is_assigned: group.is_assigned == Some(true),
    })
}

/// Numbers of devices by folded value.
#[derive(Default)]
struct Spellings(HashMap<String, Spelling>);

struct Spelling {
    most_frequent: String,
    frequency: u64,
    devices: u64,
}

impl Spellings {
    /// Adds the devices with one spelling of a value.
    fn add(&mut self, folded: String, spelling: String, devices: u64) {
        let value = self.0.entry(folded).or_insert_with(|| Spelling {
            most_frequent: spelling.clone(),
            frequency: 0,
            devices: 0,
        });
        value.devices += devices;
        // Of equally frequent spellings, the same one is chosen each time.
        if (devices, &value.most_frequent) > (value.frequency, &spelling) {
            value.frequency = devices;
            value.most_frequent = spelling;
        }
    }

    /// Returns the values in their most frequent spelling, the most frequent values first.
    fn into_counts(self) -> Vec<(String, u64)> {
        let values = self.0.into_values();
        let counts = values.map(|value| (value.most_frequent, value.devices));
        let mut counts: Vec<(String, u64)> = counts.collect();
        counts.sort_by(|(one, devices), (other, others)| {
            others.cmp(devices).then_with(|| one.cmp(other))
        });
        counts.truncate(Overview::MAX_VALUES);
        counts
    }
}
