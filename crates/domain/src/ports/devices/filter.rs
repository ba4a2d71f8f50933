//! Filters of device lists.

use chrono::{DateTime, NaiveDate, Utc};

use crate::device::ClientStatus;
use crate::field::IdentifierKey;
use crate::ids::{BatchId, UserId};
use crate::search::Search;

/// Conditions that a listed device meets. A condition that is `None` is always met.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceFilter {
    /// The device or its assignee matches the search.
    pub search: Option<Search>,
    /// This batch created the device.
    pub batch: Option<BatchId>,
    /// The device is assigned to this user.
    pub user: Option<UserId>,
    /// The device has this status. `None` excludes archived devices.
    pub client_status: Option<ClientStatus>,
    /// The device has this serial number.
    pub serial_number: Option<IdentifierKey>,
    /// The device has this folded type ([`fold_case`](crate::fold_case)).
    pub type_: Option<String>,
    /// The device has this folded category.
    pub category: Option<String>,
    /// The device was changed at this instant or later.
    pub updated_since: Option<DateTime<Utc>>,
    /// The device has this asset tag.
    pub asset_tag: Option<IdentifierKey>,
    /// The device has all of these tags.
    pub tags: Vec<String>,
    /// The device has all of these attributes: keys and values.
    pub attributes: Vec<(String, String)>,
    /// The device has one of these serial numbers, at most
    /// [`MAX_SERIAL_NUMBERS`](Self::MAX_SERIAL_NUMBERS). Always met if there are none.
    pub serial_numbers: Vec<IdentifierKey>,
    /// The device has this folded brand.
    pub brand: Option<String>,
    /// The device has no brand. Always met if `false`.
    pub without_brand: bool,
    /// The warranty ends in this range.
    pub warranty_ends: Option<DateRange>,
    /// The rental ends in this range.
    pub rental_ends: Option<DateRange>,
}

/// A range of dates, both ends included. A missing end does not limit the range, but a device
/// without a date is in no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    /// First date.
    pub first: Option<NaiveDate>,
    /// Last date.
    pub last: Option<NaiveDate>,
}

impl DeviceFilter {
    /// Maximum number of [`serial_numbers`](Self::serial_numbers).
    pub const MAX_SERIAL_NUMBERS: usize = 1_000;

    /// Returns the names of the conditions as the API spells them, without their values.
    #[must_use]
    pub fn condition_names(&self) -> Vec<&'static str> {
        // Without `..`, so that a new condition must be named here.
        let Self {
            search,
            batch,
            user,
            client_status,
            serial_number,
            type_,
            category,
            updated_since,
            asset_tag,
            tags,
            attributes,
            serial_numbers,
            brand,
            without_brand,
            warranty_ends,
            rental_ends,
        } = self;
        let conditions = [
            ("search", search.is_some()),
            ("batch_id", batch.is_some()),
            ("user_id", user.is_some()),
            ("client_status", client_status.is_some()),
            ("serial_number", serial_number.is_some()),
            ("type", type_.is_some()),
            ("category", category.is_some()),
            ("updated_since", updated_since.is_some()),
            ("asset_tag", asset_tag.is_some()),
            ("tag", !tags.is_empty()),
            ("attributes", !attributes.is_empty()),
            ("serial_numbers", !serial_numbers.is_empty()),
            ("brand", brand.is_some()),
            ("without_brand", *without_brand),
            ("client_warranty_endDate", warranty_ends.is_some()),
            ("client_rental_endDate", rental_ends.is_some()),
        ];
        let set = conditions.into_iter().filter(|(_, is_set)| *is_set);
        set.map(|(name, _)| name).collect()
    }
}
