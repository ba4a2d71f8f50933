//! Columns of CSV and workbooks.

use devices_domain::{
    DeviceFilter, DeviceRepository, Field, Format, NewDevice, RawRow, RawValue, RepositoryError,
    fields,
};

use crate::encoder::EncodeError;

/// Maximum number of columns of attributes. Every row has a cell for each.
pub const MAX_ATTRIBUTE_COLUMNS: usize = 1_000;

/// Attributes that cannot be columns.
#[derive(Debug, thiserror::Error)]
pub enum AttributeKeysError {
    /// The devices have more than [`MAX_ATTRIBUTE_COLUMNS`] keys.
    #[error(
        "devices with more than {MAX_ATTRIBUTE_COLUMNS} attribute keys cannot be exported as a \
         table: filter the devices"
    )]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

/// Returns the keys of the attributes of all exported devices, sorted.
///
/// # Errors
/// If they are too many for the columns of a table, or the store fails.
pub async fn attribute_keys(
    devices: &dyn DeviceRepository,
    filter: &DeviceFilter,
) -> Result<Vec<String>, AttributeKeysError> {
    let max = MAX_ATTRIBUTE_COLUMNS;
    let keys = devices.attribute_keys(filter.clone(), max + 1).await?;
    if keys.len() <= max {
        Ok(keys)
    } else {
        Err(AttributeKeysError::TooMany)
    }
}

/// Name of the field whose keys have a column each.
const ATTRIBUTES: &str = "attributes";

/// A column of a table.
#[derive(Clone, Copy)]
pub(crate) enum Column<'k> {
    Field(&'static Field),
    Attribute(&'k str),
}

impl Column<'_> {
    /// Returns the name that [`RawRow::set_text`] reads.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Field(field) => field.name().to_owned(),
            Self::Attribute(key) => format!("{ATTRIBUTES}.{key}"),
        }
    }

    /// Returns the format of the values. `None` for attributes, which are texts.
    pub(crate) fn format(self) -> Option<Format> {
        match self {
            Self::Field(field) => Some(field.format()),
            Self::Attribute(_) => None,
        }
    }

    /// Returns the value of a row.
    pub(crate) fn value<'r>(self, row: &'r RawRow<'r>) -> &'r RawValue<'r> {
        match self {
            Self::Field(field) => row.get(field.name()),
            Self::Attribute(key) => match row.get(ATTRIBUTES) {
                RawValue::Object(members) => members
                    .binary_search_by(|(present, _)| present.as_ref().cmp(key))
                    .map_or(&RawValue::Absent, |index| &members[index].1),
                _ => &RawValue::Absent,
            },
        }
    }
}

/// Returns the columns: all fields except `user_id`, and a column per key in the place of
/// `attributes`. In another workspace, the same users have other ids, but the same email addresses.
pub(crate) fn columns(keys: &[String]) -> impl Iterator<Item = Column<'_>> {
    let fields = fields().iter().filter(|field| field.name() != "user_id");
    fields.flat_map(move |field| {
        let is_attributes = field.name() == ATTRIBUTES;
        let keys = if is_attributes { keys } else { &[] };
        let keys = keys.iter().map(|key| Column::Attribute(key));
        let field = (!is_attributes).then_some(Column::Field(field));
        field.into_iter().chain(keys)
    })
}

/// Returns the row of a device.
///
/// # Errors
/// If it has an attribute without a column: the export would lose its value.
pub(crate) fn table_row<'d>(
    device: &'d NewDevice,
    keys: &[String],
) -> Result<RawRow<'d>, EncodeError> {
    let row = device.to_row();
    let has_column = |key: &str| {
        let found = keys.binary_search_by(|known| known.as_str().cmp(key));
        found.is_ok()
    };
    if let RawValue::Object(members) = row.get(ATTRIBUTES)
        && !members.iter().all(|(key, _)| has_column(key))
    {
        return Err(EncodeError::NewAttribute);
    }
    Ok(row)
}

/// Returns the text that [`RawRow::set_text`] reads as the same value.
pub(crate) fn cell_text(value: &RawValue<'_>) -> String {
    match value {
        RawValue::Text(text) => text.to_string(),
        RawValue::Integer(number) => number.to_string(),
        RawValue::Boolean(value) => value.to_string(),
        RawValue::List(items) => items.iter().map(cell_text).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}
