//! Devices to send: realistic ones, each with a serial number that no other has.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

/// How many different devices there are; only their serial numbers differ from then on.
pub const DEVICES: usize = 1_000;

/// Users that some of the devices are given to, numbered from 1 on in every workspace.
pub const USERS: usize = 20;

/// How a serial number is written: of one width, so that it can be replaced where it stands.
pub const SERIAL_WIDTH: usize = 12;

/// The devices, each with the serial number of its place.
pub fn devices() -> Vec<Value> {
    (0..DEVICES).map(device).collect()
}

/// A device of 41 fields of which three in five are filled.
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
    // Which fields are empty differs from device to device; these four never are.
    let kept = ["name", "type", "category", "serial_number"];
    let members = device.as_object_mut().expect("it is an object");
    for (place, (name, value)) in members.iter_mut().enumerate() {
        let is_empty = (place * 7 + index * 3) % 9 < 4;
        if is_empty && !kept.contains(&name.as_str()) {
            *value = Value::Null;
        }
    }
    device
}

/// The serial number of this number, such as `R0000000002F`.
pub fn serial(number: u64) -> String {
    format!("R{number:011X}")
}

/// As many serial numbers as asked for that were given to nobody else: the first one's number.
fn reserve(count: usize) -> u64 {
    // Those before were given to the devices that everything is made of.
    static NEXT: AtomicU64 = AtomicU64::new(DEVICES as u64);
    NEXT.fetch_add(count as u64, Ordering::Relaxed)
}

/// Bytes in which serial numbers stand, each device's in one or more places.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// All of them.
    pub bytes: Vec<u8>,
    /// For each device, where its number begins.
    pub places: Vec<Vec<usize>>,
}

impl Numbered {
    /// Gives every device a serial number that nobody had.
    pub fn renumber(&mut self) {
        let first = reserve(self.places.len());
        for (number, places) in (first..).zip(&self.places) {
            let serial = serial(number);
            for place in places {
                self.bytes[*place..place + SERIAL_WIDTH].copy_from_slice(serial.as_bytes());
            }
        }
    }
}

/// The body of `POST /devices` with these devices.
pub fn body(devices: &[Value]) -> Numbered {
    let mut numbered = Numbered {
        bytes: b"{\"devices\":[".to_vec(),
        places: Vec::new(),
    };
    for (place, device) in devices.iter().enumerate() {
        if place > 0 {
            numbered.bytes.push(b',');
        }
        let text = device.to_string();
        let serial = device["serial_number"].as_str();
        let found = serial.and_then(|serial| text.find(serial));
        let start = numbered.bytes.len();
        numbered
            .places
            .push(found.map(|at| start + at).into_iter().collect());
        numbered.bytes.extend(text.as_bytes());
    }
    numbered.bytes.extend(b"]}");
    numbered
}

/// Devices that are each wrong in three fields.
pub fn wrong_devices() -> Vec<Value> {
    let mut devices = devices();
    for device in &mut devices {
        device["name"] = json!("");
        device["client_purchase_price"] = json!("much");
        device["keyboard_layout"] = json!("DVORAK");
    }
    devices
}
