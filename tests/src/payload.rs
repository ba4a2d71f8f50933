//! Realistic devices for load tests, each with a unique serial number.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// Number of distinct devices. Further devices differ from these only in their serial numbers.
pub const DEVICES: usize = 1_000;

/// Number of users to whom devices are assigned. Their ids begin at 1 in every workspace.
pub const USERS: usize = 20;

/// Length of a serial number in bytes. It is fixed, so that one can be replaced in a serialized
/// request.
pub const SERIAL_WIDTH: usize = 12;

/// Returns [`DEVICES`] devices, each with the serial number of its index.
pub fn devices() -> Vec<Value> {
    (0..DEVICES).map(device).collect()
}

/// Returns a device of 41 fields, of which about three in five have a value.
fn device(index: usize) -> Value {
    let pick = |words: &[&str]| Value::from(words[index % words.len()]);
    let model = [
        "MacBook Pro 14",
        "ThinkPad X1 Carbon",
        "Latitude 7440",
        "iPhone 15",
    ][index % 4];
    let mut device = json!({
        "name": format!("{model} {index}"),
        "type": pick(&["laptop", "laptop", "laptop", "phone"]),
        "category": pick(&["computers", "computers", "computers", "mobile phones"]),
        "brand": pick(&["Apple Inc.", "Lenovo", "Dell Inc.", "Apple Inc."]),
        "serial_number": serial(index as u64),
        "comment": pick(&["Handed over by IT in the Lyon office, with charger and sleeve", "Screen replaced under warranty in spring", "Réservé à l'équipe produit, 3ᵉ étage"]),
        "user_id": (index % USERS) as u64 + 1,
        "added_via": pick(&["MASS_IMPORT", "SINGLE_IMPORT", "ONBOARDING"]),
        "is_rented": index.is_multiple_of(3),
        "client_purchase_price": format!("{}.{:02}", 800 + index, index % 100),
        "client_rental_price": format!("{}.90", 30 + index % 70),
        "client_purchase_date": format!("202{}-{:02}-{:02}", index % 5, 1 + index % 12, 1 + index % 28),
        "client_warranty_endDate": format!("202{}-{:02}-{:02}", 5 + index % 5, 1 + index % 12, 1 + index % 28),
        "client_rental_startDate": format!("2024-{:02}-{:02}", 1 + index % 12, 1 + index % 28),
        "client_rental_endDate": format!("2027-{:02}-{:02}", 1 + index % 12, 1 + index % 28),
        "client_contract_number": format!("CT-2024-{index:06}"),
        "client_invoice_number": format!("INV-{index:08}"),
        "lifecycle": pick(&["IN_MAINTENANCE", "OUT_OF_SERVICE"]),
        "screen_size": pick(&["14.2 inches", "13.3 inches", "15.6 inches"]),
        "graphic": pick(&["Apple M3 Pro 14-core GPU", "Intel Iris Xe Graphics", "NVIDIA RTX A500"]),
        "processor": pick(&["Apple M3 Pro", "Intel Core i7-1365U", "AMD Ryzen 7 PRO 7840U"]),
        "ram": pick(&["16 GB", "32 GB", "18 GB"]),
        "storage": pick(&["512 GB SSD", "1 TB SSD", "256 GB SSD"]),
        "model_year": pick(&["2022", "2023", "2024"]),
        "connectivity": pick(&["Wi-Fi 6E, Bluetooth 5.3", "Wi-Fi 6, LTE"]),
        "keyboard_layout": pick(&["FRENCH_AZERTY", "INTERNATIONAL_ENGLISH_QWERTY", "GERMAN_QWERTZ"]),
        "resolution": pick(&["3024 x 1964", "1920 x 1200", "2560 x 1440"]),
        "has_microphone": true,
        "has_webcam": !index.is_multiple_of(4),
        "noise_cancellation": false,
        "compliance": ["CE", "EPEAT Gold"],
        "connection_type": ["USB-C", "HDMI", "Thunderbolt 4"],
        "has_stool": false,
        "has_video_package": false,
        "has_screen": true,
        "has_premium_tablet": false,
        "color": pick(&["Space Grey", "Black", "Platinum Silver"]),
        "seats_number": "1",
        "assembly": pick(&["assembled on site", "none"]),
        "os_platform": pick(&["macOS 14.5", "Windows 11 Pro", "Ubuntu 24.04", "iOS 17"]),
        "user_email": null,
    });
    // These four always have a value.
    let always_present = ["name", "type", "category", "serial_number"];
    let members = device.as_object_mut().expect("a device is an object");
    for (position, (name, value)) in members.iter_mut().enumerate() {
        if is_empty(position, index) && !always_present.contains(&name.as_str()) {
            *value = Value::Null;
        }
    }
    device
}

/// Returns whether a field of a device has no value. The fields without a value differ from device
/// to device.
fn is_empty(position: usize, index: usize) -> bool {
    (position * 7 + index * 3) % 9 < 4
}

/// Adds typical values of the owner's inventory data to devices. As of the other fields, about
/// three in five have a value. The asset tag contains the serial number, and is therefore unique
/// like it.
pub fn with_inventory_data(devices: &[Value]) -> Vec<Value> {
    let mut devices = devices.to_vec();
    for (index, device) in devices.iter_mut().enumerate() {
        let serial = device["serial_number"].as_str().unwrap_or_default();
        let values = [
            ("asset_tag", json!(format!("IT-{serial}"))),
            (
                "model",
                json!(["MacBook Pro 14 (2023)", "ThinkPad X1 Carbon Gen 11"][index % 2]),
            ),
            ("tags", json!(["loan pool", "Lyon"])),
            (
                "attributes",
                json!({ "Room": format!("B{}", index % 40), "Cost centre": "4711", "Condition": "good" }),
            ),
        ];
        for (position, (name, value)) in values.into_iter().enumerate() {
            let is_empty = is_empty(position, index);
            device[name] = if is_empty { Value::Null } else { value };
        }
    }
    devices
}

/// Returns any number of devices, each with a serial number that was never used.
pub fn new_devices(count: usize) -> Vec<Value> {
    let distinct = devices();
    let first = reserve(count);
    let devices = (first..).zip(distinct.iter().cycle()).take(count);
    let devices = devices.map(|(number, device)| {
        let mut device = device.clone();
        device["serial_number"] = json!(serial(number));
        device
    });
    devices.collect()
}

/// Returns the serial number for `number`, such as `R0000000002F`.
pub fn serial(number: u64) -> String {
    format!("R{number:011X}")
}

/// Reserves `count` consecutive serial numbers. Returns the number of the first.
fn reserve(count: usize) -> u64 {
    // `devices()` uses the numbers below.
    static NEXT: AtomicU64 = AtomicU64::new(DEVICES as u64);
    NEXT.fetch_add(count as u64, Ordering::Relaxed)
}

/// A serialized request in which the serial numbers, or other values in their place, can be
/// replaced.
#[derive(Debug, Clone)]
pub struct RequestTemplate {
    /// The serialized request.
    pub bytes: Vec<u8>,
    /// Offsets of the serial numbers of each device.
    pub serial_offsets: Vec<Vec<usize>>,
}

impl RequestTemplate {
    /// Replaces the serial number of every device with one that was never used.
    pub fn assign_new_serials(&mut self) {
        let first = reserve(self.serial_offsets.len());
        for (number, offsets) in (first..).zip(&self.serial_offsets) {
            let serial = serial(number);
            for offset in offsets {
                self.bytes[*offset..offset + SERIAL_WIDTH].copy_from_slice(serial.as_bytes());
            }
        }
    }
}

/// Serializes the body of `POST /devices` with these devices.
pub fn body(devices: &[Value]) -> RequestTemplate {
    template(devices, |_, device| {
        device["serial_number"].as_str().map(str::to_owned)
    })
}

/// Serializes a body whose devices keep their serial numbers.
pub fn unchanging_body(devices: &[Value]) -> RequestTemplate {
    template(devices, |_, _| None)
}

/// Serializes a body whose devices keep their serial numbers, and get a new value of a text field
/// in each request.
pub fn changing_body(devices: &[Value], field: &str) -> RequestTemplate {
    let mut devices = devices.to_vec();
    for (index, device) in devices.iter_mut().enumerate() {
        device[field] = json!(format!("Lyon office, 3rd floor, {}", serial(index as u64)));
    }
    template(&devices, |index, _| Some(serial(index as u64)))
}

/// Serializes a body. `replaced` returns the text of a device that can be replaced, of the width of
/// a serial number.
fn template(
    devices: &[Value],
    replaced: impl Fn(usize, &Value) -> Option<String>,
) -> RequestTemplate {
    let mut request = RequestTemplate {
        bytes: b"{\"devices\":[".to_vec(),
        serial_offsets: Vec::new(),
    };
    for (index, device) in devices.iter().enumerate() {
        if index > 0 {
            request.bytes.push(b',');
        }
        let text = device.to_string();
        let start = request.bytes.len();
        let offsets = replaced(index, device).map(|replaced| {
            text.match_indices(&replaced)
                .map(|(at, _)| start + at)
                .collect()
        });
        request.serial_offsets.push(offsets.unwrap_or_default());
        request.bytes.extend(text.as_bytes());
    }
    request.bytes.extend(b"]}");
    request
}

/// Returns [`DEVICES`] devices of a set. Serial numbers of different sets differ, also from those
/// of all other devices.
pub fn set_of_devices(set: usize) -> Vec<Value> {
    let mut devices = devices();
    for (index, device) in devices.iter_mut().enumerate() {
        device["serial_number"] = json!(format!("K{:011X}", set * DEVICES + index));
    }
    devices
}

/// Returns [`DEVICES`] devices, each with three invalid fields.
pub fn invalid_devices() -> Vec<Value> {
    let mut devices = devices();
    for device in &mut devices {
        device["name"] = json!("");
        device["client_purchase_price"] = json!("much");
        device["keyboard_layout"] = json!("DVORAK");
    }
    devices
}
