//! Devices to send, and what is told of those that are there.

use serde_json::{Value, json};

/// A device that passes, with these fields instead of or beside its own.
pub fn device(fields: Value) -> Value {
    let three = json!({"name": "XPS 13", "type": "laptop", "category": "computers"});
    with(three, fields)
}

/// A device in which every field but those of its user is set, each as it is shown, with these
/// fields instead of or beside its own.
pub fn complete_device(fields: Value) -> Value {
    let every = json!({
        "name": "MacBook Pro", "type": "laptop", "category": "computers",
        "added_via": "MASS_IMPORT", "brand": "Apple", "serial_number": "C02XL0GSJGH5",
        "is_rented": true, "client_purchase_price": "1299.50", "client_rental_price": "49.00",
        "client_purchase_date": "2024-02-29", "client_warranty_endDate": "2027-02-28",
        "client_rental_startDate": "2024-03-01", "client_rental_endDate": "2025-03-01",
        "client_contract_number": "C-1", "client_invoice_number": "I-1",
        "lifecycle": "IN_MAINTENANCE",
        "screen_size": "14", "graphic": "M3", "processor": "M3 Pro", "ram": "18 GB",
        "storage": "512 GB", "model_year": "2023", "connectivity": "Wi-Fi 6E",
        "keyboard_layout": "FRENCH_AZERTY", "resolution": "3024x1964", "has_microphone": true,
        "has_webcam": false, "noise_cancellation": true, "compliance": ["CE"],
        "connection_type": ["USB-C", "HDMI"], "has_stool": false, "has_video_package": false,
        "has_screen": true, "has_premium_tablet": false, "comment": "café 🖥", "color": "black",
        "seats_number": "0", "assembly": "none", "os_platform": "macOS",
    });
    with(every, fields)
}

fn with(mut device: Value, fields: Value) -> Value {
    if let (Value::Object(device), Value::Object(fields)) = (&mut device, fields) {
        device.extend(fields);
    }
    device
}

/// The ids in a list, in its order.
pub fn ids(list: &Value) -> Vec<i64> {
    let list = list.as_array().expect("it is a list").iter();
    list.map(|one| one["id"].as_i64().expect("what is there has an id"))
        .collect()
}
