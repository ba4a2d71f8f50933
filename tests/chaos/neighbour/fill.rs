//! Fills a workspace with many devices and their search documents.

use std::time::{Duration, Instant};

use devices_tests::{Cluster, payload};
use serde_json::{Value, json};

use crate::client::{Client, Response};

/// Stores and indexes one batch through the API, and copies it in SQL until there are `devices`
/// devices.
pub(super) fn fill(
    cluster: &Cluster,
    client: &Client,
    address: &str,
    devices: usize,
) -> Result<(), String> {
    let mut sample = payload::devices();
    for device in &mut sample {
        device["user_id"] = Value::Null;
    }
    let sample = json!({ "devices": sample });
    let response = client.post(address, "sample", &sample);
    if !matches!(response, Response::Stored { .. }) {
        return Err(format!("the sample got {response:?}"));
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while cluster.count("search_documents") < payload::DEVICES as i64 {
        if Instant::now() > deadline {
            return Err("the sample is not indexed".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // Copies of one device are not neighbours in the tables, as those of different batches are not.
    let copies = devices.div_ceil(payload::DEVICES) - 1;
    let stride = 10_000_000;
    let id = format!("id + copy::bigint * {stride}");
    let serial_number = "'C' || upper(lpad(to_hex(id + copy::bigint * 10000000), 11, '0'))";
    copy(
        cluster,
        "devices",
        copies,
        &[
            ("id", &id),
            ("serial_number", serial_number),
            ("serial_number_folded", serial_number),
        ],
    );
    let device_id = format!("device_id + copy::bigint * {stride}");
    copy(
        cluster,
        "search_documents",
        copies,
        &[("device_id", &device_id)],
    );
    cluster.execute("VACUUM ANALYZE devices, search_documents");
    cluster.execute("CHECKPOINT");
    Ok(())
}

/// Inserts every row of a table `copies` more times, with other values in some columns.
fn copy(cluster: &Cluster, table: &str, copies: usize, values: &[(&str, &str)]) {
    let columns = cluster.query(&format!(
        "SELECT column_name::text AS word, 0::bigint AS number FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER' \
         ORDER BY ordinal_position"
    ));
    let columns: Vec<&str> = columns.iter().map(|row| row.word.as_str()).collect();
    let values = columns.iter().map(|column| {
        let value = values.iter().find(|(name, _)| name == column);
        value.map_or(*column, |(_, value)| value)
    });
    let values = values.collect::<Vec<_>>().join(", ");
    cluster.execute(&format!(
        "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE \
         SELECT {values} FROM generate_series(1, {copies}) AS copy, {table}",
        columns.join(", ")
    ));
}
