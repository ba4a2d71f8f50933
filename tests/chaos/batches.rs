//! Batches that can be found again by their key, the journal of acknowledged batches, and the
//! comparison of both with the stored rows.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use devices_tests::Cluster;
use serde_json::{Value, json};

/// A batch. Every device carries the key as its comment.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Key of the batch, and its idempotency key if it is sent with one.
    pub(crate) key: String,
    /// Number of valid rows.
    pub(crate) rows: usize,
    /// Adds an invalid row, so that the server must reject the batch.
    pub(crate) is_invalid: bool,
}

impl Batch {
    pub(crate) fn body(&self) -> Value {
        let key = &self.key;
        let mut rows: Vec<Value> = (0..self.rows)
            .map(|row| {
                let mut device = json!({
                    "name": format!("device {row} of {key}"), "type": "laptop",
                    "category": "computers", "comment": key, "ram": "16 GB",
                    "compliance": ["CE", "EPEAT Gold"], "client_purchase_price": "1299.00",
                });
                // Odd rows have no serial number: only the idempotency key prevents duplicates.
                if row % 2 == 0 {
                    device["serial_number"] = json!(format!("{key}-{row}"));
                }
                device
            })
            .collect();
        if self.is_invalid {
            rows.push(
                json!({"name": "", "type": "laptop", "category": "computers", "comment": key}),
            );
        }
        json!({ "devices": rows })
    }
}

/// Acknowledged batches of one writer. Each entry is on disk before the next batch is sent.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    pub(crate) fn create(directory: &Path, writer: usize) -> Self {
        let path = directory.join(format!("writer-{writer}.journal"));
        let file = File::create(&path).expect("the temporary directory is writable");
        Self { file, path }
    }

    pub(crate) fn acknowledge(&mut self, key: &str, ids: &[i64]) {
        let written = writeln!(self.file, "{}", json!([key, ids]));
        let synced = written.and_then(|()| self.file.sync_data());
        synced.expect("the journal is writable");
    }

    /// Reads the acknowledged ids of each batch back from disk.
    pub(crate) fn read(&self) -> HashMap<String, Vec<i64>> {
        let file = File::open(&self.path).expect("the journal exists");
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let entries = lines.map(|line| {
            serde_json::from_str::<(String, Vec<i64>)>(&line).expect("the journal holds JSON")
        });
        entries.collect()
    }
}

/// Keys of the batches whose stored rows contradict the responses.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    /// Acknowledged, but not stored.
    pub(crate) lost: Vec<String>,
    /// Stored more than once.
    pub(crate) duplicated: Vec<String>,
    /// Stored in part, with other ids than acknowledged, or without their audit event.
    pub(crate) partial: Vec<String>,
    /// Stored, although the response was a rejection or "not stored".
    pub(crate) unexpected: Vec<String>,
}

impl Violations {
    pub(crate) fn is_empty(&self) -> bool {
        [
            &self.lost,
            &self.duplicated,
            &self.partial,
            &self.unexpected,
        ]
        .iter()
        .all(|keys| keys.is_empty())
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.duplicated.extend(other.duplicated);
        self.partial.extend(other.partial);
        self.unexpected.extend(other.unexpected);
    }
}

/// Stored rows of a batch: ids of its devices, and number of audit events with exactly these ids.
#[derive(Debug, Default)]
struct StoredBatch {
    ids: Vec<i64>,
    events: usize,
}

/// Compares the stored rows of `batches` with the responses. `acknowledged` holds the ids of the
/// batches that must be stored. The others must not be stored.
pub(crate) fn compare(
    cluster: &Cluster,
    batches: &[Batch],
    acknowledged: &HashMap<String, Vec<i64>>,
) -> Violations {
    let stored = stored_batches(cluster, batches);
    let nothing = StoredBatch::default();
    let mut violations = Violations::default();
    for batch in batches {
        let key = batch.key.clone();
        let stored = stored.get(&key).unwrap_or(&nothing);
        match acknowledged.get(&key) {
            None if stored.ids.is_empty() => {}
            None => violations.unexpected.push(key),
            Some(_) if stored.ids.is_empty() => violations.lost.push(key),
            Some(_) if stored.ids.len() > batch.rows || stored.events > 1 => {
                violations.duplicated.push(key);
            }
            Some(ids) if *ids != stored.ids || ids.len() != batch.rows || stored.events != 1 => {
                violations.partial.push(key);
            }
            Some(_) => {}
        }
    }
    violations
}

/// Returns the ids of the devices of each batch that is stored.
pub(crate) fn stored_ids(cluster: &Cluster, batches: &[Batch]) -> HashMap<String, Vec<i64>> {
    let stored = stored_batches(cluster, batches).into_iter();
    stored.map(|(key, batch)| (key, batch.ids)).collect()
}

fn stored_batches(cluster: &Cluster, batches: &[Batch]) -> BTreeMap<String, StoredBatch> {
    let mut stored: BTreeMap<String, StoredBatch> = BTreeMap::new();
    for chunk in batches.chunks(1_000) {
        let keys: Vec<_> = chunk
            .iter()
            .map(|batch| format!("'{}'", batch.key))
            .collect();
        let devices = cluster.query(&format!(
            "SELECT comment AS word, id AS number FROM devices WHERE comment IN ({}) ORDER BY id",
            keys.join(", ")
        ));
        for row in devices {
            stored.entry(row.word).or_default().ids.push(row.number);
        }
    }
    let events = cluster.query(
        "SELECT array_to_string(device_ids, ',') AS word, count(*) AS number \
         FROM device_events GROUP BY device_ids",
    );
    let events: HashMap<String, i64> = events
        .into_iter()
        .map(|row| (row.word, row.number))
        .collect();
    for batch in stored.values_mut() {
        let ids: Vec<_> = batch.ids.iter().map(i64::to_string).collect();
        batch.events = events
            .get(&ids.join(","))
            .map_or(0, |count| *count as usize);
    }
    stored
}
