//! Cost of the CPU work of a batch on one core: reading, validation and rendering. A batch has a
//! thousand devices, so a time in milliseconds is also the time per device in microseconds.

use devices_api::http::{read_batch, render_created};
use devices_domain::{Batch, BatchRules, DeviceId, InsertedDevice, NewDevice, SearchDocument};
use devices_tests::payload;
use divan::Bencher;
use serde::de::IgnoredAny;

fn main() {
    divan::main();
}

fn body() -> Vec<u8> {
    payload::body(&payload::devices()).bytes
}

fn read(body: &[u8]) -> Batch {
    read_batch(body, Batch::new(BatchRules::default())).expect("the body is JSON")
}

fn devices() -> Vec<NewDevice> {
    read(&body()).into_devices().expect("the devices are valid")
}

/// Lower bound: checks the JSON syntax and discards the values.
#[divan::bench]
fn json_syntax_only(bencher: Bencher) {
    let body = body();
    bencher.bench(|| serde_json::from_slice::<IgnoredAny>(&body).is_ok());
}

#[divan::bench]
fn read_and_validate(bencher: Bencher) {
    let body = body();
    bencher.bench(|| read(&body).len());
}

#[divan::bench]
fn read_and_reject(bencher: Bencher) {
    let body = payload::body(&payload::invalid_devices()).bytes;
    bencher.bench(|| read(&body).into_devices().is_err());
}

#[divan::bench]
fn render_response(bencher: Bencher) {
    let devices = devices();
    let stored: Vec<InsertedDevice> = (1..)
        .zip(&devices)
        .map(|(id, device)| InsertedDevice {
            id: DeviceId(id),
            assignee: device.fields.ownership.user_id,
            enrollment: None,
        })
        .collect();
    bencher.bench(|| render_created(&devices, &stored).len());
}

#[divan::bench]
fn build_search_documents(bencher: Bencher) {
    let devices = devices();
    let count = |device: &NewDevice| SearchDocument::for_device(&device.fields).lexemes().len();
    bencher.bench(|| devices.iter().map(count).sum::<usize>());
}

#[divan::bench]
fn drop_devices(bencher: Bencher) {
    bencher.with_inputs(devices).bench_values(drop);
}
