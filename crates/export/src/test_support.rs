//! Devices for tests.

use devices_domain::{NewDevice, RawRow};

/// Creates a device with required fields.
pub(crate) fn device(name: &str) -> NewDevice {
    read(&[("name", name)])
}

/// Creates a device with an attribute.
pub(crate) fn device_with_attribute(key: &str, value: &str) -> NewDevice {
    read(&[("name", "x"), (&format!("attributes.{key}"), value)])
}

fn read(values: &[(&str, &str)]) -> NewDevice {
    let mut row = RawRow::for_device();
    for (name, value) in values.iter().chain(&[("type", "x"), ("category", "x")]) {
        row.set_text(*name, *value);
    }
    NewDevice::from_row(&row).unwrap()
}
