//! What a device costs on one core: reading and judging it, and writing it into the answer. Times are of
//! a batch of a thousand, so that milliseconds are microseconds a device.

use devices_api::http::{read_batch, render_created};
use devices_domain::{Batch, BatchRules, DeviceId, InsertedDevice, NewDevice};
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
    read_batch(body, BatchRules::default()).expect("it is JSON")
}

fn devices() -> Vec<NewDevice> {
    read(&body()).into_devices().expect("they pass")
}

/// What everybody who looks at the body at all pays.
#[divan::bench]
fn json_syntax_alone(bencher: Bencher) {
    let body = body();
    bencher.bench(|| serde_json::from_slice::<IgnoredAny>(&body).is_ok());
}

#[divan::bench]
fn read_and_judge(bencher: Bencher) {
    let body = body();
    bencher.bench(|| read(&body).len());
}

#[divan::bench]
fn read_and_refuse(bencher: Bencher) {
    let body = payload::body(&payload::wrong_devices()).bytes;
    bencher.bench(|| read(&body).into_devices().is_err());
}

#[divan::bench]
fn answer(bencher: Bencher) {
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
fn let_go(bencher: Bencher) {
    bencher.with_inputs(devices).bench_values(drop);
}
