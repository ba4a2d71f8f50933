//! The same devices as JSON, CSV and a workbook.

use devices_tests::payload;
use rust_xlsxwriter::{Workbook, XlsxError};
use serde_json::{Map, Value};

/// Fields of a device, by name. Those without a value are absent.
pub(super) type Device = Map<String, Value>;

/// Columns of the files.
const COLUMNS: [&str; 25] = [
    "name",
    "type",
    "category",
    "brand",
    "serial_number",
    "comment",
    "user_id",
    "is_rented",
    "client_purchase_price",
    "client_rental_price",
    "client_purchase_date",
    "client_warranty_endDate",
    "client_rental_startDate",
    "client_rental_endDate",
    "client_contract_number",
    "client_invoice_number",
    "screen_size",
    "graphic",
    "processor",
    "ram",
    "storage",
    "model_year",
    "keyboard_layout",
    "color",
    "os_platform",
];

/// Returns devices with serial numbers that were never used. They have no values of other fields
/// than [`COLUMNS`].
pub(super) fn devices(count: usize) -> Vec<Device> {
    let devices = payload::new_devices(count).into_iter();
    let devices = devices.map(|device| {
        let fields = COLUMNS.iter().map(|name| (*name, &device[*name]));
        let fields = fields.filter(|(_, value)| !value.is_null());
        fields
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    });
    devices.collect()
}

/// Returns the text of a cell. A field without a value is an empty cell.
fn cell(device: &Device, column: &str) -> String {
    match device.get(column) {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

pub(super) fn csv(devices: &[Device]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |record: Vec<String>| {
        let written = writer.write_record(&record);
        written.expect("records can be written to memory");
    };
    write(COLUMNS.map(str::to_owned).into());
    for device in devices {
        write(COLUMNS.iter().map(|column| cell(device, column)).collect());
    }
    writer.into_inner().expect("memory can be flushed")
}

pub(super) fn xlsx(devices: &[Device]) -> Vec<u8> {
    workbook(devices).expect("the workbook can be written to memory")
}

fn workbook(devices: &[Device]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in (0..).zip(COLUMNS) {
        sheet.write_string(0, column, name)?;
        for (row, device) in (1..).zip(devices) {
            sheet.write_string(row, column, cell(device, name))?;
        }
    }
    workbook.save_to_buffer()
}
