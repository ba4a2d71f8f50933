//! Command `import`.

mod arguments;
mod confirmation;
mod parts;
mod rejected;
mod replay;
mod whole;

use std::fmt::Write as _;

use devices_tests::{Api, CommandOutput, Program};
use serde_json::Value;

/// Runs the program against the server of a test until it exits.
fn run_program(api: &Api, arguments: &[&str]) -> CommandOutput {
    Program::of(api).run(arguments)
}

/// Runs the program against a relay in front of the server of a test until it exits.
fn run_at(url: &str, api: &Api, arguments: &[&str]) -> CommandOutput {
    Program::with_server(url, &api.key).run(arguments)
}

/// Returns a CSV file of valid laptops with these numbers.
fn laptops(numbers: impl IntoIterator<Item = usize>) -> String {
    let mut text = "Serial Number,Name,Type,Category\n".to_owned();
    for number in numbers {
        writeln!(text, "SN-{number:05},Laptop {number},laptop,computers").unwrap();
    }
    text
}

/// Returns the serial numbers of all devices, sorted.
fn serial_numbers(api: &Api) -> Vec<String> {
    let pages = api.pages("/devices?limit=100");
    let devices = pages.flat_map(|page| page.json()["data"].as_array().unwrap().clone());
    let serial = |device: Value| device["serial_number"].as_str().unwrap().to_owned();
    let mut serial_numbers: Vec<_> = devices.map(serial).collect();
    serial_numbers.sort();
    serial_numbers
}

/// Returns the serial numbers of [`laptops`] with these numbers.
fn serials(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    let serial = |number| format!("SN-{number:05}");
    numbers.into_iter().map(serial).collect()
}
