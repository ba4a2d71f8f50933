//! Request bodies of devices, and ids in responses.

use serde_json::{Value, json};

/// Returns a valid device with these fields in addition to, or instead of, the required ones.
pub fn device(fields: Value) -> Value {
    let required = json!({"name": "XPS 13", "type": "laptop", "category": "computers"});
    with(required, fields)
}

/// Returns a device that has every field except those of its assignee, each as the API returns it,
/// with `fields` in addition to or instead of them.
pub fn complete_device(fields: Value) -> Value {
    let complete = json!({
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
    with(complete, fields)
}

fn with(mut device: Value, fields: Value) -> Value {
    if let (Value::Object(device), Value::Object(fields)) = (&mut device, fields) {
        device.extend(fields);
    }
    device
}

/// Returns the ids of a list, in its order.
pub fn ids(list: &Value) -> Vec<i64> {
    let items = list.as_array().expect("the value is a list").iter();
    items
        .map(|item| item["id"].as_i64().expect("each item has an id"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn complete_device_has_every_domain_field() {
        let device = complete_device(json!({"user_id": 1, "user_email": "ada@example.com"}));
        let names: BTreeSet<_> = device.as_object().unwrap().keys().cloned().collect();
        let expected = devices_domain::fields().iter();
        let expected = expected.map(|field| field.name().to_owned()).collect();
        assert_eq!(names, expected);
    }
}
