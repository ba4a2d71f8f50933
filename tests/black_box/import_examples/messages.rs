//! The messages that docs/IMPORT.md explains.

use devices_tests::{Api, Form, Program, ServerOptions};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Value, json};

use super::ROOT;

/// Returns the texts that messages contain: each cell of the tables until its example.
fn documented_messages() -> Vec<String> {
    let page = std::fs::read_to_string(format!("{ROOT}/docs/IMPORT.md")).unwrap();
    let (_, section) = page.split_once("## What the errors mean").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let cells = section.lines().filter_map(|line| {
        let (cell, _) = line.strip_prefix("| ")?.split_once(" |")?;
        let end = [" (", ", such", " 103", " 42"]
            .iter()
            .filter_map(|end| cell.find(end));
        Some(cell[..end.min().unwrap_or(cell.len())].to_owned())
    });
    cells.filter(|cell| cell != "message").collect()
}

/// Returns the response to the validation of a file.
fn validate(api: &Api, name: &str, file: impl AsRef<[u8]>, options: &Value) -> String {
    let form = Form::of_file(name, file.as_ref()).with_options(options);
    api.send_form("/devices/import/validate", form).text
}

/// Returns a file of which every row has another error.
fn rows_with_errors() -> String {
    let header = "name,type,category,serial_number,client_purchase_date,client_purchase_price,\
                  user_email,is_rented";
    let long = "x".repeat(300);
    let rows = [
        ",laptop,computers,S-1,,,,",
        "x,laptop,computers,1.23E+11,,,,",
        "x,laptop,computers,To be filled by O.E.M.,,,,",
        "x,laptop,computers,S-2,,,,",
        "x,laptop,computers,S-2,,,,",
        "x,laptop,computers,S-TAKEN,,,,",
        "x,laptop,computers,S-3,31.02.2025,,,",
        "x,laptop,computers,S-4,45000,,,",
        "x,laptop,computers,S-5,,much,,",
        "x,laptop,computers,S-6,,,nobody@example.com,",
        "\"x\ny\",laptop,computers,S-7,,,,",
        &format!("{long},laptop,computers,S-8,,,"),
        "x,laptop,computers,S-9,#REF!,,,",
        "x,laptop,computers,S-10,,,,maybe",
    ];
    format!("{header}\n{}\n", rows.join("\n"))
}

/// Returns a workbook with a date in a column of serial numbers.
fn workbook_with_date() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, header) in (0..).zip(["name", "type", "category", "serial_number"]) {
        sheet.write_string(0, column, header).unwrap();
        sheet.write_string(1, column, "x").unwrap();
    }
    let date = ExcelDateTime::from_ymd(2024, 5, 31).unwrap();
    let format = Format::new().set_num_format("yyyy-mm-dd");
    let cell = sheet.write_datetime_with_format(1, 3, &date, &format);
    cell.unwrap();
    workbook.save_to_buffer().unwrap()
}

/// Returns the responses to files that cannot be interpreted.
fn rejected_files(api: &Api) -> Vec<String> {
    let row = "LT-1,laptop,computers";
    let compound = [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), &[0; 600]].concat();
    let stream: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let encrypted = [compound.as_slice(), &stream].concat();
    let default = json!({});
    [
        (
            "a.csv",
            b"name,category\nLT-1,computers\n".to_vec(),
            &default,
        ),
        (
            "b.csv",
            format!("name,type,category,client_purchase_date\n{row},03/04/2024\n").into_bytes(),
            &default,
        ),
        (
            "c.csv",
            format!("name,type,category,Serial No,Service Tag\n{row},S-1,S-2\n").into_bytes(),
            &default,
        ),
        ("d.xls", compound, &default),
        ("e.xlsx", encrypted, &default),
        ("f.xlsx", b"PK\x03\x04".to_vec(), &default),
        (
            "g.csv",
            [format!("name,type,category\n{row}").as_bytes(), b"\xE4\n"].concat(),
            &json!({"encoding": "utf-8"}),
        ),
        (
            "h.csv",
            format!("name,type,category\n\"{row}\n").into_bytes(),
            &default,
        ),
    ]
    .map(|(name, file, options)| validate(api, name, file, options))
    .into()
}

#[test]
fn documented_messages_exist() {
    let api = Api::start_with(&ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", 20));
    api.create_device(json!({"serial_number": "S-TAKEN"}));
    let mut texts = rejected_files(&api);
    texts.push(validate(
        &api,
        "dates.xlsx",
        workbook_with_date(),
        &json!({}),
    ));
    texts.push(validate(&api, "rows.csv", rows_with_errors(), &json!({})));
    let program = Program::of(&api);
    let large = format!("name,type,category\n{}", "LT,laptop,computers\n".repeat(21));
    std::fs::write(program.home.path("large.csv"), large).unwrap();
    let output = program.run(&["import", "large.csv", "--yes"]);
    let words: Vec<_> = output.stderr.split_whitespace().collect();
    texts.push(words.join(" "));
    let messages = documented_messages();
    assert!(messages.len() > 15, "{messages:?}");
    for message in messages {
        let exists = texts.iter().any(|text| text.contains(&message));
        assert!(exists, "{message}: {texts:#?}");
    }
}
