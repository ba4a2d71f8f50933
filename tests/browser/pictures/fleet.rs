//! The fleet of an invented company: 40 devices and 12 users.

use devices_tests::Api;
use serde_json::{Value, json};

/// First name, last name and position.
const USERS: [(&str, &str, &str); 12] = [
    ("Amélie", "Rousseau", "Product designer"),
    ("Bastian", "Krüger", "Backend engineer"),
    ("Chiara", "Moretti", "Account executive"),
    ("Daniel", "Okafor", "Site reliability engineer"),
    ("Elena", "Petrova", "Finance manager"),
    ("Farid", "Benali", "Support lead"),
    ("Greta", "Lindqvist", "Data analyst"),
    ("Hugo", "Martins", "Office manager"),
    ("Imogen", "Clarke", "Head of people"),
    ("Jonas", "Weber", "IT administrator"),
    ("Katarzyna", "Nowak", "Frontend engineer"),
    ("Liam", "Byrne", "Sales development"),
];

/// Prefix of names, model, brand, type, category, price, and number of devices.
type Model = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u32,
    usize,
);

const MODELS: [Model; 9] = [
    (
        "LT",
        "MacBook Pro 14",
        "Apple",
        "laptop",
        "computers",
        2_249,
        7,
    ),
    (
        "LT",
        "ThinkPad T14 Gen 5",
        "Lenovo",
        "laptop",
        "computers",
        1_549,
        7,
    ),
    (
        "LT",
        "Latitude 7450",
        "Dell",
        "laptop",
        "computers",
        1_689,
        5,
    ),
    ("PH", "iPhone 15", "Apple", "phone", "phones", 849, 6),
    ("PH", "Galaxy S24", "Samsung", "phone", "phones", 799, 3),
    (
        "MO",
        "UltraSharp 27 U2724D",
        "Dell",
        "monitor",
        "screens",
        459,
        5,
    ),
    ("TB", "iPad Air 11", "Apple", "tablet", "tablets", 699, 3),
    ("DK", "WD22TB4", "Dell", "dock", "accessories", 289, 2),
    (
        "HS",
        "Evolve2 65",
        "Jabra",
        "headset",
        "accessories",
        219,
        2,
    ),
];

const OFFICES: [(&str, &str); 4] = [
    ("PAR", "Paris"),
    ("BER", "Berlin"),
    ("LIS", "Lisbon"),
    ("DUB", "Dublin"),
];

/// Stores the fleet. Returns the ids of the devices.
pub(super) fn store(api: &Api) -> Vec<i64> {
    for (first_name, last_name, position) in USERS {
        let user = json!({
            "email": email(first_name), "first_name": first_name, "last_name": last_name,
            "position": position,
        });
        succeeds(api, "POST", "/users", &user);
    }
    let devices = devices(api);
    let (first, rest) = devices.split_at(26);
    let (second, third) = rest.split_at(11);
    let batches = [first, second, third];
    let ids = batches
        .map(|batch| api.create_devices(batch.to_vec()))
        .concat();
    enroll(api, &devices);
    let changes = [
        (
            4,
            json!({ "lifecycle": "IN_MAINTENANCE", "comment": "Battery is being replaced." }),
        ),
        (
            4,
            json!({ "attributes": { "Room": "2.14", "Ticket": "IT-5121" } }),
        ),
        (12, json!({ "lifecycle": "OUT_OF_SERVICE" })),
        (0, json!({ "tags": ["design", "loan"] })),
        (
            0,
            json!({ "comment": "Spare charger in the cupboard of the second floor." }),
        ),
        (20, json!({ "user_email": null })),
    ];
    for (index, change) in changes {
        succeeds(api, "PATCH", &format!("/devices/{}", ids[index]), &change);
    }
    ids
}

fn devices(api: &Api) -> Vec<Value> {
    let models = MODELS
        .iter()
        .flat_map(|model| std::iter::repeat_n(model, model.6));
    let devices = models.enumerate().map(|(index, model)| {
        let &(prefix, name, brand, type_, category, price, _) = model;
        let (code, office) = OFFICES[index % OFFICES.len()];
        let bought = 40 + index as i64 * 29;
        let mut device = json!({
            "name": format!("{code}-{prefix}-{:03}", 101 + index), "model": name, "brand": brand,
            "type": type_, "category": category, "serial_number": serial_number(index, brand),
            "asset_tag": format!("IT-{:05}", 20_417 + index * 3),
            "client_purchase_price": format!("{price}.00"),
            "client_purchase_date": day(api, -bought),
            "client_warranty_endDate": day(api, 3 * 365 - bought),
            "attributes": { "Office": office, "Cost centre": (4_100 + index % 5 * 10).to_string() },
        });
        if type_ == "laptop" {
            device["ram"] = json!("32 GB");
            device["storage"] = json!("1 TB");
            device["os_platform"] = json!(if brand == "Apple" { "macOS" } else { "Windows" });
        }
        if index % 4 != 3 {
            device["user_email"] = json!(email(USERS[index % USERS.len()].0));
        }
        if index % 9 == 5 {
            device["tags"] = json!(["loan"]);
        }
        device
    });
    devices.collect()
}

/// Enrols the laptops and the phones, and a device that is in no list.
fn enroll(api: &Api, devices: &[Value]) {
    let managed = devices.iter().filter(|device| {
        ["laptop", "phone"].contains(&device["type"].as_str().unwrap_or_default())
    });
    for device in managed.step_by(2) {
        let serial_number = device["serial_number"].as_str().expect("it has one");
        let enrollment = json!({ "status": "ENROLLED", "local_name": device["name"] });
        let path = format!("/mdm/enrollments/{serial_number}");
        succeeds(api, "PUT", &path, &enrollment);
    }
    let unknown = json!({ "status": "PENDING", "local_name": "DESKTOP-7QK2" });
    succeeds(api, "PUT", "/mdm/enrollments/5CG4210XKP", &unknown);
}

fn email(first_name: &str) -> String {
    let name = first_name.to_lowercase().replace('é', "e");
    format!("{name}@northwind.example")
}

/// Returns a serial number in the style of a brand.
fn serial_number(index: usize, brand: &str) -> String {
    const LETTERS: &[u8] = b"CDFGHJKLMNPQRTVWXY0123456789";
    let (prefix, length) = match brand {
        "Apple" => ("", 10),
        "Lenovo" => ("PF", 8),
        "Samsung" => ("R5C", 11),
        _ => ("", 7),
    };
    let mut state = index + 17;
    let mut text = prefix.to_owned();
    while text.len() < length {
        state = (state * 7_919 + 104_729) % 1_000_003;
        text.push(char::from(LETTERS[state % LETTERS.len()]));
    }
    text
}

/// Returns the date of a day before or after today.
fn day(api: &Api, offset: i64) -> String {
    let query = format!("SELECT (current_date + {offset})::text");
    api.database.texts(&query).remove(0)
}

#[track_caller]
fn succeeds(api: &Api, method: &str, path: &str, body: &Value) {
    let response = api.send(method, path, body);
    let is_success = (200..300).contains(&response.status);
    assert!(is_success, "{method} {path}: {}", response.text);
}
