//! Representations of devices, batches and users in responses.

use chrono::{DateTime, Utc};
use devices_domain::{
    Assignee, BatchId, Characteristics, ClientStatus, Comment, Device, DeviceFields, DeviceId,
    Enrollment, Identity, Inventory, NamedKey, OnConflict, Ownership, RequiredText, RowCounts,
    RowRef, SerialNumber, ShortText, Source, StoredBatch, StoredDevice, User, UserFields, UserId,
};
use serde::Serialize;

/// A device in the 201 of `POST /devices`. Every key is always present.
#[derive(Serialize)]
pub(crate) struct CreatedDeviceView<'a> {
    id: DeviceId,
    name: &'a RequiredText,
    r#type: &'a RequiredText,
    category: &'a RequiredText,
    /// The vendor's own lease. An external device has none.
    rent: Option<()>,
    /// The parcel of the vendor's delivery. An external device has none.
    tracking_number: Option<()>,
    client_status: ClientStatus,
    source: Source,
    serial_number: &'a Option<SerialNumber>,
    comment: &'a Option<Comment>,
    characteristics: &'a Characteristics,
    mdm: Option<&'a Enrollment>,
    /// Reference of the row, if the request has one. The only key that may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_ref: Option<&'a RowRef>,
}

impl<'a> CreatedDeviceView<'a> {
    pub(crate) fn of(device: &'a Device, client_status: ClientStatus) -> Self {
        Self::new(
            device.id,
            &device.fields,
            client_status,
            device.enrollment.as_ref(),
        )
    }

    pub(crate) fn new(
        id: DeviceId,
        fields: &'a DeviceFields,
        client_status: ClientStatus,
        enrollment: Option<&'a Enrollment>,
    ) -> Self {
        let Identity {
            name,
            type_,
            category,
            brand: _,
            serial_number,
            comment,
        } = &fields.identity;
        Self {
            id,
            name,
            r#type: type_,
            category,
            rent: None,
            tracking_number: None,
            client_status,
            source: Source::External,
            serial_number,
            comment,
            characteristics: &fields.characteristics,
            mdm: enrollment,
            row_ref: None,
        }
    }

    pub(crate) fn with_row_ref(self, row_ref: Option<&'a RowRef>) -> Self {
        Self { row_ref, ..self }
    }
}

/// A device in all other responses. Every key is always present.
#[derive(Serialize)]
pub(crate) struct FullDeviceView<'a> {
    #[serde(flatten)]
    created: CreatedDeviceView<'a>,
    brand: &'a Option<ShortText>,
    #[serde(flatten)]
    inventory: &'a Inventory,
    #[serde(flatten)]
    ownership: &'a Ownership,
    user: &'a Option<Assignee>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> FullDeviceView<'a> {
    pub(crate) fn of(stored: &'a StoredDevice) -> Self {
        Self {
            created: CreatedDeviceView::of(&stored.device, stored.client_status()),
            brand: &stored.device.fields.identity.brand,
            inventory: &stored.device.fields.inventory,
            ownership: &stored.device.fields.ownership,
            user: &stored.assignee,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

/// A batch. Every key is always present.
#[derive(Serialize)]
pub(crate) struct BatchView<'a> {
    id: BatchId,
    created_at: DateTime<Utc>,
    key: &'a NamedKey,
    request_id: &'a str,
    on_conflict: OnConflict,
    atomic: bool,
    #[serde(flatten)]
    counts: RowCounts,
    undone_at: Option<DateTime<Utc>>,
    undone_by: Option<&'a NamedKey>,
}

impl<'a> BatchView<'a> {
    pub(crate) fn of(batch: &'a StoredBatch) -> Self {
        let undone = batch.undone.as_ref();
        Self {
            id: batch.id,
            created_at: batch.created_at,
            key: &batch.key,
            request_id: &batch.request_id,
            on_conflict: batch.on_conflict,
            atomic: batch.is_atomic,
            counts: batch.counts,
            undone_at: undone.map(|undone| undone.at),
            undone_by: undone.map(|undone| &undone.key),
        }
    }
}

/// A user. Every key is always present.
#[derive(Serialize)]
pub(crate) struct UserView<'a> {
    id: UserId,
    #[serde(flatten)]
    fields: &'a UserFields,
}

impl<'a> UserView<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self {
            id: user.id,
            fields: &user.fields,
        }
    }
}
