//! Request bodies of devices, and ids in responses.

use devices_domain::{Field, Format};
use serde_json::{Value, json};

/// Returns a valid device with these fields in addition to, or instead of, the required ones.
pub fn device(fields: Value) -> Value {
    let required = json!({"name": "XPS 13", "type": "laptop", "category": "computers"});
    with(required, fields)
}

/// Returns a device that has every field except those of its assignee, each as the API returns it,
/// with `fields` in addition to or instead of them.
pub fn complete_device(fields: Value) -> Value {
    let complete = devices_domain::fields()
        .iter()
        .filter(|field| !matches!(field.format(), Format::Id | Format::Email))
        .map(|field| (field.name().to_owned(), example(field)))
        .collect();
    let with_typical_values = json!({
        "name": "MacBook Pro", "added_via": "MASS_IMPORT", "brand": "Apple",
        "client_purchase_price": "1299.50", "client_rental_price": "49.00",
        "client_purchase_date": "2024-02-29", "client_warranty_endDate": "2027-02-28",
        "client_rental_startDate": "2024-03-01", "client_rental_endDate": "2025-03-01",
        "client_contract_number": "C-1", "client_invoice_number": "I-1",
        "lifecycle": "IN_MAINTENANCE", "compliance": ["CE"], "comment": "café 🖥",
    });
    with(with(Value::Object(complete), with_typical_values), fields)
}

/// Returns a valid value of a field, as the API returns it.
fn example(field: &Field) -> Value {
    match field.format() {
        Format::Text { .. } | Format::Lines { .. } => json!(format!("a {}", field.name())),
        Format::TextList { .. } => json!([format!("a {}", field.name()), "HDMI"]),
        Format::Attributes { .. } => json!({"Cost centre": "4711", "Room": "B12"}),
        Format::SerialNumber => json!("C02XL0GSJGH5"),
        Format::AssetTag => json!("IT-0042"),
        Format::Email => json!("ada@example.com"),
        Format::Amount => json!("49.00"),
        Format::Date => json!("2024-03-01"),
        Format::Instant => json!("2024-03-01T10:00:00Z"),
        Format::OneOf(names) => json!(names[0]),
        Format::Boolean => json!(true),
        Format::Id => json!(1),
    }
}

/// Returns what the API returns for a field without a value.
pub fn empty_value(field: &Field) -> Value {
    match field.format() {
        Format::TextList { .. } => json!([]),
        Format::Attributes { .. } => json!({}),
        _ => Value::Null,
    }
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
