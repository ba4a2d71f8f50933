//! The answer to a created batch.

use devices_domain::{
    Characteristics, ClientStatus, Comment, Device, DeviceId, Enrollment, Identity, Label,
    SerialNumber, Source,
};
use serde::Serialize;

/// `{"data":{"devices":[...]}}`.
#[derive(Serialize)]
pub(super) struct Created<'a> {
    data: Devices<'a>,
}

#[derive(Serialize)]
struct Devices<'a> {
    devices: Vec<CreatedDevice<'a>>,
}

pub(super) fn created(devices: &[Device]) -> Created<'_> {
    Created {
        data: Devices {
            devices: devices.iter().map(CreatedDevice::from).collect(),
        },
    }
}

/// A device as the 201 shows it: every key is always there.
#[derive(Serialize)]
struct CreatedDevice<'a> {
    id: DeviceId,
    name: &'a Label,
    r#type: &'a Label,
    category: &'a Label,
    /// The vendor's own lease; an external device has none.
    rent: Option<()>,
    /// The parcel of the vendor's delivery; an external device has none.
    tracking_number: Option<()>,
    client_status: ClientStatus,
    source: Source,
    serial_number: &'a Option<SerialNumber>,
    comment: &'a Option<Comment>,
    characteristics: &'a Characteristics,
    mdm: &'a Option<Enrollment>,
}

impl<'a> From<&'a Device> for CreatedDevice<'a> {
    fn from(device: &'a Device) -> Self {
        let Identity {
            name,
            type_,
            category,
            brand: _,
            serial_number,
            comment,
        } = &device.fields.identity;
        Self {
            id: device.id,
            name,
            r#type: type_,
            category,
            rent: None,
            tracking_number: None,
            client_status: device.client_status(),
            source: device.source(),
            serial_number,
            comment,
            characteristics: &device.fields.characteristics,
            mdm: &device.enrollment,
        }
    }
}
