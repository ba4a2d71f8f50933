//! A sheet of 300 devices, ten of which have one error each.

use calamine::{Data, Reader, Xlsx, open_workbook};
use encoding_rs::WINDOWS_1252;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

/// Number of devices in a sheet.
pub(crate) const DEVICES: usize = 300;

const HEADER: [&str; 12] = [
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
    "Notes",
];

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    Number(f64),
    /// Year, month and day.
    Date(u16, u8, u8),
}

use Cell::{Date, Number, Text};

/// Rows of a sheet, the header first.
pub(crate) type Rows = Vec<Vec<Cell>>;

/// An error of a device, and its correction.
pub(crate) struct Fault {
    /// Index of the device.
    device: usize,
    column: &'static str,
    value: Cell,
    /// Text of the column `Error`.
    pub(crate) message: &'static str,
    corrected: &'static str,
}

impl Fault {
    fn new(
        device: usize,
        column: &'static str,
        value: impl Into<Cell>,
        message: &'static str,
        corrected: &'static str,
    ) -> Self {
        let value = value.into();
        Self {
            device,
            column,
            value,
            message,
            corrected,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Text(text.to_owned())
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Number(number)
    }
}

/// Kind of the file in which a sheet is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A workbook with a title above the table.
    Workbook,
    /// Text as Excel writes it in Germany: windows-1252 and `;`.
    GermanCsv,
}

impl Kind {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Workbook => "xlsx",
            Self::GermanCsv => "csv",
        }
    }

    /// Returns ten errors, of which one can occur in files of this kind only.
    pub(crate) fn faults(self) -> Vec<Fault> {
        let shortened = "spreadsheet";
        vec![
            Fault::new(10, "Serial Number", "1.23E+11", shortened, "EX00010Q"),
            match self {
                Self::Workbook => {
                    let digits = 1_234_567_890_123_456.0;
                    Fault::new(40, "Serial Number", digits, shortened, "EX00040Q")
                }
                Self::GermanCsv => {
                    let name = "LA-0040\nspare";
                    Fault::new(40, "Item Name", name, "line feed", "LA-0040")
                }
            },
            Fault::new(
                70,
                "Serial Number",
                "To be filled by O.E.M.",
                "placeholder",
                "EX00070Q",
            ),
            Fault::new(
                100,
                "Serial Number",
                "EX00099Q",
                "same as in row",
                "EX00100Q",
            ),
            Fault::new(130, "Asset Tag", "HW-0129", "same as in row", "HW-0130"),
            Fault::new(
                160,
                "Purchase Date",
                "31.02.2025",
                "date that exists",
                "28.02.2025",
            ),
            Fault::new(
                190,
                "Warranty Expiration",
                "45000",
                "not a date",
                "15.03.2023",
            ),
            Fault::new(220, "Purchase Price", "approx. 900", "amount", "900"),
            Fault::new(
                250,
                "Email",
                "nobody@example.com",
                "user",
                "user-1@example.com",
            ),
            Fault::new(280, "Type", "", "required", "laptop"),
        ]
    }

    /// Writes a file.
    pub(crate) fn write(self, path: &str, rows: &Rows) {
        match self {
            Self::Workbook => write_workbook(path, rows),
            Self::GermanCsv => write_german_csv(path, rows),
        }
    }

    /// Reads the texts of a file of rejected rows.
    pub(crate) fn read(self, path: &str) -> Rows {
        match self {
            Self::Workbook => read_workbook(path),
            Self::GermanCsv => read_german_csv(path),
        }
    }
}

/// Email addresses of the users of the sheet.
pub(crate) fn users() -> impl Iterator<Item = String> {
    (0..4).map(|number| format!("user-{number}@example.com"))
}

/// Returns the header and all devices, with these errors.
pub(crate) fn devices(faults: &[Fault]) -> Rows {
    let mut rows: Rows = (0..DEVICES).map(device).collect();
    for fault in faults {
        rows[fault.device][index_of(fault.column)] = fault.value.clone();
    }
    rows.insert(0, HEADER.map(Cell::from).to_vec());
    rows
}

fn device(number: usize) -> Vec<Cell> {
    let users: Vec<String> = users().collect();
    let (kind, category, brand, model, price) = [
        ("laptop", "computers", "Dell", "Latitude 5440", 1299.0),
        ("monitor", "displays", "LG", "27UP850N-W", 429.9),
        ("phone", "phones", "Apple", "iPhone 15", 899.0),
    ][number % 3];
    let (month, day) = ((number % 12 + 1) as u8, (number % 28 + 1) as u8);
    vec![
        Text(format!("EX{number:05}Q")),
        Text(format!("HW-{number:04}")),
        Text(format!("{}-{number:04}", kind[..2].to_uppercase())),
        kind.into(),
        category.into(),
        brand.into(),
        model.into(),
        Date(2023, month, day),
        Number(price),
        Date(2026, month, day),
        Text(users[number % users.len()].clone()),
        "für München".into(),
    ]
}

fn index_of(column: &str) -> usize {
    let index = HEADER.iter().position(|header| *header == column);
    index.expect("the sheet has the column")
}

/// Corrects the rejected rows as a person does. Finds the device of each row by its name.
pub(crate) fn correct(rows: &mut Rows, faults: &[Fault]) {
    for row in &mut rows[1..] {
        let Text(name) = &row[index_of("Item Name")] else {
            panic!("not a text in {row:?}");
        };
        let is_fault = |fault: &&Fault| name.contains(&format!("-{:04}", fault.device));
        let fault = faults.iter().find(is_fault);
        let fault = fault.unwrap_or_else(|| panic!("{name} has no error"));
        let error = row.last().unwrap();
        let is_explained = matches!(error, Text(error) if error.contains(fault.message));
        assert!(is_explained, "{}: {error:?}", fault.message);
        row[index_of(fault.column)] = fault.corrected.into();
    }
}

/// Returns the header of a file of rejected rows.
pub(crate) fn rejected_header() -> Vec<Cell> {
    let mut header = HEADER.map(Cell::from).to_vec();
    header.push("Error".into());
    header
}

/// Rows above the header. Files of rejected rows have none.
fn title(rows: &Rows) -> u32 {
    if rows[0].len() == HEADER.len() { 2 } else { 0 }
}

fn write_workbook(path: &str, rows: &Rows) {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let title = title(rows);
    if title > 0 {
        sheet.write_string(0, 0, "Hardware of Example Ltd").unwrap();
    }
    for (row, cells) in (title..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            write_cell(sheet, row, column, cell);
        }
    }
    workbook.save(path).unwrap();
}

fn write_cell(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell) {
    match cell {
        Text(text) => sheet.write_string(row, column, text),
        Number(number) => sheet.write_number(row, column, *number),
        Date(year, month, day) => {
            let date = ExcelDateTime::from_ymd(*year, *month, *day).unwrap();
            let format = Format::new().set_num_format("DD.MM.YYYY");
            sheet.write_datetime_with_format(row, column, &date, &format)
        }
    }
    .unwrap();
}

fn read_workbook(path: &str) -> Rows {
    let mut workbook: Xlsx<_> = open_workbook(path).unwrap();
    let sheet = workbook.worksheet_range_at(0).unwrap().unwrap();
    let text = |cell: &Data| match cell {
        Data::String(text) => Text(text.clone()),
        Data::Empty => Text(String::new()),
        other => panic!("the cell is not a text: {other:?}"),
    };
    let rows = sheet.rows();
    rows.map(|row| row.iter().map(text).collect()).collect()
}

fn write_german_csv(path: &str, rows: &Rows) {
    let mut writer = csv::WriterBuilder::new();
    writer.delimiter(b';').terminator(csv::Terminator::CRLF);
    let mut writer = writer.from_writer(Vec::new());
    let text = |cell: &Cell| match cell {
        Text(text) => text.clone(),
        Number(number) => format!("{number:.2}").replace('.', ","),
        Date(year, month, day) => format!("{day:02}.{month:02}.{year}"),
    };
    for row in rows {
        writer.write_record(row.iter().map(text)).unwrap();
    }
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    std::fs::write(path, WINDOWS_1252.encode(&text).0).unwrap();
}

fn read_german_csv(path: &str) -> Rows {
    let bytes = std::fs::read(path).unwrap();
    let text = WINDOWS_1252.decode_without_bom_handling(&bytes).0;
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(b';').has_headers(false);
    let reader = reader.from_reader(text.as_bytes());
    let rows = reader.into_records().map(|row| {
        let row = row.unwrap();
        row.iter().map(Cell::from).collect()
    });
    rows.collect()
}
