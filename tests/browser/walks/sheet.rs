//! A sheet of 20 devices, ten of which have one fault each.

pub(super) const DEVICES: usize = 20;

/// A fault of a device.
pub(super) struct Fault {
    device: usize,
    column: &'static str,
    pub(super) value: &'static str,
    /// Part of the message about it.
    pub(super) message: &'static str,
}

impl Fault {
    /// Number of the row in the sheet.
    pub(super) fn row(&self) -> String {
        (self.device + 2).to_string()
    }
}

/// Devices, columns, values and messages of the faults.
#[rustfmt::skip]
pub(super) const FAULTS: [Fault; 10] = [
    Fault { device: 1, column: "Serial Number", value: "1.23E+11", message: "spreadsheet" },
    Fault { device: 2, column: "Serial Number", value: "To be filled by O.E.M.", message: "placeholder" },
    Fault { device: 4, column: "Serial Number", value: "EX00003Q", message: "same as in row" },
    Fault { device: 6, column: "Asset Tag", value: "HW-0005", message: "same as in row" },
    Fault { device: 8, column: "Item Name", value: "", message: "required" },
    Fault { device: 9, column: "Type", value: "", message: "required" },
    Fault { device: 11, column: "Purchase Date", value: "31.02.2025", message: "date that exists" },
    Fault { device: 13, column: "Warranty Expiration", value: "45000", message: "not a date" },
    Fault { device: 15, column: "Purchase Price", value: "approx. 900", message: "amount" },
    Fault { device: 17, column: "Email", value: "nobody@example.com", message: "user" },
];

const HEADER: [&str; 11] = [
    "Serial Number",
    "Asset Tag",
    "Item Name",
    "Type",
    "Category",
    "Manufacturer",
    "Model",
    "Purchase Date",
    "Purchase Price",
    "Warranty Expiration",
    "Email",
];

/// Email addresses of the users of the sheet.
pub(super) const USERS: [&str; 2] = ["ada@example.com", "bob@example.com"];

/// Returns the sheet as CSV, with these faults.
pub(super) fn csv(faults: &[Fault]) -> String {
    let mut rows: Vec<_> = (0..DEVICES).map(device).collect();
    for fault in faults {
        let column = HEADER.iter().position(|header| *header == fault.column);
        let column = column.expect("the sheet has the column");
        fault.value.clone_into(&mut rows[fault.device][column]);
    }
    let header = HEADER.map(str::to_owned).to_vec();
    let lines = [header].into_iter().chain(rows);
    lines.map(|cells| cells.join(";") + "\r\n").collect()
}

fn device(number: usize) -> Vec<String> {
    vec![
        format!("EX{number:05}Q"),
        format!("HW-{number:04}"),
        format!("LA-{number:04}"),
        "laptop".to_owned(),
        "computers".to_owned(),
        "Dell".to_owned(),
        "Latitude 5440".to_owned(),
        format!("{:02}.03.2024", number + 8),
        "1299,00".to_owned(),
        format!("{:02}.03.2027", number + 8),
        USERS[number % USERS.len()].to_owned(),
    ]
}
