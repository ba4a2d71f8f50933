//! Conversion of devices: folded types and categories, and rows of the search index.

use std::borrow::Cow;

use devices_domain::{
    Comment, DeviceFields, NewDevice, RawRow, RawValue, RequiredText, SearchDocument, SerialNumber,
    ShortText,
};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::{BATCH_SIZE, Position};
use crate::postgres::devices::folded_if_different;
use crate::postgres::query::tsvector::{DocumentArray, EncodedDocuments, Tsvector};

/// The columns of a device that its folded values and its search document depend on.
#[derive(QueryableByName)]
struct UnconvertedDevice {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    type_: String,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Nullable<Text>)]
    brand: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    serial_number: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    processor: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    user_id: Option<i64>,
    #[diesel(sql_type = Bool)]
    is_archived: bool,
}

/// Converts a batch of devices, archived ones included. A device is converted if it has a row in
/// the search index.
pub(super) fn convert_batch(
    connection: &mut PgConnection,
    after: Position,
) -> QueryResult<Option<(Position, usize)>> {
    let rows = load(connection, after)?;
    let Some(last) = rows.last() else {
        return Ok(None);
    };
    update_folded(connection, &rows)?;
    insert_documents(connection, &rows)?;
    Ok(Some(((last.workspace_id, last.id), rows.len())))
}

/// Reads the next devices, and locks them until the transaction ends. LATERAL with LIMIT probes the
/// primary key of the index for each device, whatever the planner estimates.
fn load(connection: &mut PgConnection, after: Position) -> QueryResult<Vec<UnconvertedDevice>> {
    diesel::sql_query(
        "SELECT devices.workspace_id, devices.id, name, type AS type_, category, brand, \
                serial_number, comment, processor, user_id, deleted_at IS NOT NULL AS is_archived \
         FROM devices LEFT JOIN LATERAL ( \
             SELECT true AS is_indexed FROM search_documents \
             WHERE search_documents.workspace_id = devices.workspace_id \
               AND search_documents.device_id = devices.id \
             LIMIT 1 \
         ) AS index ON true \
         WHERE (devices.workspace_id, devices.id) > ($1, $2) AND index.is_indexed IS NULL \
         ORDER BY devices.workspace_id, devices.id LIMIT $3 \
         FOR NO KEY UPDATE OF devices",
    )
    .bind::<BigInt, _>(after.0)
    .bind::<BigInt, _>(after.1)
    .bind::<BigInt, _>(BATCH_SIZE)
    .load(connection)
}

/// Stores the folded types and categories that differ from the stored ones.
fn update_folded(connection: &mut PgConnection, rows: &[UnconvertedDevice]) -> QueryResult<()> {
    let (mut workspaces, mut ids) = (Vec::new(), Vec::new());
    let (mut types, mut categories) = (Vec::new(), Vec::new());
    for row in rows {
        let type_ = folded_if_different(&row.type_);
        let category = folded_if_different(&row.category);
        if type_.is_some() || category.is_some() {
            workspaces.push(row.workspace_id);
            ids.push(row.id);
            types.push(type_);
            categories.push(category);
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    diesel::sql_query(
        "UPDATE devices SET type_folded = converted.type_folded, \
                            category_folded = converted.category_folded \
         FROM unnest($1, $2, $3, $4) AS converted (workspace_id, id, type_folded, category_folded) \
         WHERE devices.workspace_id = converted.workspace_id AND devices.id = converted.id",
    )
    .bind::<Array<BigInt>, _>(workspaces)
    .bind::<Array<BigInt>, _>(ids)
    .bind::<Array<Nullable<Text>>, _>(types)
    .bind::<Array<Nullable<Text>>, _>(categories)
    .execute(connection)?;
    Ok(())
}

fn insert_documents(connection: &mut PgConnection, rows: &[UnconvertedDevice]) -> QueryResult<()> {
    let blank = blank_device()?;
    let (mut identifiers, mut documents) = (Vec::new(), EncodedDocuments::default());
    for row in rows {
        let fields = row.to_fields(&blank);
        identifiers.push(fields.search_identifiers().map(Cow::into_owned));
        documents.push(&SearchDocument::for_device(&fields));
    }
    let column = |value: fn(&UnconvertedDevice) -> i64| rows.iter().map(value).collect::<Vec<_>>();
    diesel::sql_query(
        "INSERT INTO search_documents \
             (workspace_id, device_id, user_id, identifiers, is_archived, document) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6)",
    )
    .bind::<Array<BigInt>, _>(column(|row| row.workspace_id))
    .bind::<Array<BigInt>, _>(column(|row| row.id))
    .bind::<Array<Nullable<BigInt>>, _>(rows.iter().map(|row| row.user_id).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(identifiers)
    .bind::<Array<Bool>, _>(rows.iter().map(|row| row.is_archived).collect::<Vec<_>>())
    .bind::<Array<Tsvector>, _>(DocumentArray(vec![&documents]))
    .execute(connection)?;
    Ok(())
}

impl UnconvertedDevice {
    fn to_fields(&self, blank: &DeviceFields) -> DeviceFields {
        let mut fields = blank.clone();
        let identity = &mut fields.identity;
        identity.name = RequiredText::from_trusted(&self.name);
        identity.type_ = RequiredText::from_trusted(&self.type_);
        identity.category = RequiredText::from_trusted(&self.category);
        identity.brand = self.brand.as_ref().map(ShortText::from_trusted);
        identity.serial_number = self.serial_number.as_ref().map(SerialNumber::from_trusted);
        identity.comment = self.comment.as_ref().map(Comment::from_trusted);
        let processor = self.processor.as_ref();
        fields.characteristics.processor = processor.map(ShortText::from_trusted);
        fields
    }
}

/// Returns the fields of a device with nothing but the required fields, so that fields which are
/// added later need no change here.
fn blank_device() -> QueryResult<DeviceFields> {
    let mut row = RawRow::for_device();
    for name in ["name", "type", "category"] {
        row.set(name, RawValue::text("-"));
    }
    match NewDevice::from_row(&row) {
        Ok(device) => Ok(device.fields),
        Err(_) => Err(DieselError::SerializationError(
            "a device needs more than its name, type and category".into(),
        )),
    }
}
