//! Batches that can be found again, and the journal of what was told about them.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use devices_tests::Cluster;
use serde_json::{Value, json};

/// A batch: its key is every device's comment.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) key: String,
    pub(crate) rows: usize,
    /// Whether it has a row that must be refused.
    pub(crate) is_bad: bool,
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
                // Nothing but the idempotency key keeps the others from being stored twice.
                if row % 2 == 0 {
                    device["serial_number"] = json!(format!("{key}-{row}"));
                }
                device
            })
            .collect();
        if self.is_bad {
            rows.push(
                json!({"name": "", "type": "laptop", "category": "computers", "comment": key}),
            );
        }
        json!({ "devices": rows })
    }
}

/// What was acknowledged, on disk before the next batch is sent.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    pub(crate) fn create(folder: &Path, writer: usize) -> Self {
        let path = folder.join(format!("writer-{writer}.journal"));
        let file = File::create(&path).expect("the temporary folder can be written to");
        Self { file, path }
    }

    pub(crate) fn acknowledge(&mut self, key: &str, ids: &[i64]) {
        let written = writeln!(self.file, "{}", json!([key, ids]));
        let synced = written.and_then(|()| self.file.sync_data());
        synced.expect("the journal can be written");
    }

    /// The ids that were told of each batch.
    pub(crate) fn read(&self) -> HashMap<String, Vec<i64>> {
        let file = File::open(&self.path).expect("the journal is there");
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let told = lines.map(|line| {
            serde_json::from_str::<(String, Vec<i64>)>(&line).expect("it is what was written")
        });
        told.collect()
    }
}

/// What is wrong between the journal and the table: the keys of each kind.
#[derive(Debug, Default)]
pub(crate) struct Wrongs {
    /// Acknowledged, and not there.
    pub(crate) lost: Vec<String>,
    /// There more than once.
    pub(crate) duplicated: Vec<String>,
    /// Not there as a whole, or with other ids than were told, or without its event.
    pub(crate) partial: Vec<String>,
    /// There, although it was said to be refused or not stored.
    pub(crate) belied: Vec<String>,
}

impl Wrongs {
    pub(crate) fn is_none(&self) -> bool {
        [&self.lost, &self.duplicated, &self.partial, &self.belied]
            .iter()
            .all(|keys| keys.is_empty())
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.duplicated.extend(other.duplicated);
        self.partial.extend(other.partial);
        self.belied.extend(other.belied);
    }
}

/// What is stored of each batch: its devices' ids, and how many events name just them.
#[derive(Debug, Default)]
struct Found {
    ids: Vec<i64>,
    events: usize,
}

/// Holds the table to what was told. `batches` are all that were sent; `told` holds the ids of those
/// that were acknowledged; the others must not be there.
pub(crate) fn compare(
    cluster: &Cluster,
    batches: &[Batch],
    told: &HashMap<String, Vec<i64>>,
) -> Wrongs {
    let found = find(cluster, batches);
    let nothing = Found::default();
    let mut wrongs = Wrongs::default();
    for batch in batches {
        let key = batch.key.clone();
        let there = found.get(&key).unwrap_or(&nothing);
        match told.get(&key) {
            None if there.ids.is_empty() => {}
            None => wrongs.belied.push(key),
            Some(_) if there.ids.is_empty() => wrongs.lost.push(key),
            Some(_) if there.ids.len() > batch.rows || there.events > 1 => {
                wrongs.duplicated.push(key);
            }
            Some(ids) if *ids != there.ids || there.events != 1 => wrongs.partial.push(key),
            Some(_) => {}
        }
    }
    wrongs
}

fn find(cluster: &Cluster, batches: &[Batch]) -> BTreeMap<String, Found> {
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for part in batches.chunks(1_000) {
        let keys: Vec<_> = part
            .iter()
            .map(|batch| format!("'{}'", batch.key))
            .collect();
        let devices = cluster.ask(&format!(
            "SELECT comment AS word, id AS number FROM devices WHERE comment IN ({}) ORDER BY id",
            keys.join(", ")
        ));
        for row in devices {
            found.entry(row.word).or_default().ids.push(row.number);
        }
    }
    let events = cluster.ask(
        "SELECT array_to_string(device_ids, ',') AS word, count(*) AS number \
         FROM device_events GROUP BY device_ids",
    );
    let events: HashMap<String, i64> = events
        .into_iter()
        .map(|row| (row.word, row.number))
        .collect();
    for there in found.values_mut() {
        let ids: Vec<_> = there.ids.iter().map(i64::to_string).collect();
        there.events = events
            .get(&ids.join(","))
            .map_or(0, |count| *count as usize);
    }
    found
}
