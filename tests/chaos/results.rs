//! Results of batches, as responses report them, and the journal of acknowledged batches.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::batches::{Batch, Content, OnConflict, Options};

/// Result of a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BatchResult {
    /// Number of the batch, unless it stored nothing.
    pub(crate) batch: Option<i64>,
    pub(crate) rows: Vec<RowResult>,
}

/// Result of a row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RowResult {
    /// `created`, `updated`, `unchanged`, `skipped` or `failed`.
    pub(crate) result: String,
    pub(crate) device: Option<i64>,
    pub(crate) changed_fields: Vec<String>,
    /// Comment and RAM of the device.
    pub(crate) values: [Option<String>; 2],
    row_ref: Option<String>,
}

impl RowResult {
    fn created(device: &Value) -> Self {
        Self {
            result: "created".to_owned(),
            device: device["id"].as_i64(),
            changed_fields: Vec::new(),
            values: values(device),
            row_ref: None,
        }
    }

    fn of(row: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let changed_fields = row["changed_fields"].as_array().into_iter().flatten();
        Self {
            result: text(&row["result"]).unwrap_or_default(),
            device: row["device_id"].as_i64(),
            changed_fields: changed_fields.filter_map(text).collect(),
            values: values(&row["device"]),
            row_ref: text(&row["row_ref"]),
        }
    }

    /// Returns whether the row wrote a device.
    pub(crate) fn is_written(&self) -> bool {
        self.result == "created" || self.result == "updated"
    }

    /// Returns whether this may be the result of a row.
    fn is_possible(&self, batch: &Batch, row: usize) -> bool {
        self.has_possible_values(batch, row)
            && possible_results(batch, row).contains(&self.result.as_str())
            && self.device.is_some() == (self.result != "failed")
            && self.row_ref == batch.row_ref(row)
            && (self.result == "updated")
                == self.changed_fields.iter().any(|name| name == "comment")
    }

    /// Returns whether a device that the row wrote has the values of the row.
    fn has_possible_values(&self, batch: &Batch, row: usize) -> bool {
        if !self.is_written() {
            return true;
        }
        let [comment, ram] = &self.values;
        if batch.rows[row].content == Content::Unchanged {
            return comment.is_none();
        }
        let sent_ram = batch.ram(row);
        let matching = batch.options.matching;
        let clears_nulls = matching.is_some_and(|matching| matching.nulls == "clear");
        let keeps_ram = self.result == "updated" && sent_ram.is_none() && !clears_nulls;
        *comment == Some(batch.comment(row)) && (keeps_ram || *ram == sent_ram)
    }
}

/// Returns the results that a row may have.
fn possible_results(batch: &Batch, row: usize) -> &'static [&'static str] {
    match (batch.rows[row].content, batch.options.on_conflict) {
        (Content::Invalid | Content::Repeated, _) => &["failed"],
        (_, OnConflict::Error) if batch.options == Options::NONE => &["created"],
        (_, OnConflict::Error) => &["created", "failed"],
        (_, OnConflict::Skip) => &["created", "skipped"],
        (Content::Value, OnConflict::Update) => &["created", "updated"],
        (Content::Unchanged, OnConflict::Update) => &["created", "unchanged"],
    }
}

/// Returns the comment and the RAM of a device.
fn values(device: &Value) -> [Option<String>; 2] {
    let values = [&device["comment"], &device["characteristics"]["ram"]];
    values.map(|value| value.as_str().map(str::to_owned))
}

impl BatchResult {
    /// Reads a 200, 201 or 207. `location` is the number of the batch in its header. Returns `None`
    /// if there are no results, or if the response contradicts itself.
    pub(crate) fn read(location: Option<i64>, body: &Value) -> Option<Self> {
        let data = &body["data"];
        let result = |rows| Self {
            batch: location,
            rows,
        };
        if let Some(devices) = data["devices"].as_array() {
            return Some(result(devices.iter().map(RowResult::created).collect()));
        }
        let rows = data["results"].as_array()?;
        let result = result(rows.iter().map(RowResult::of).collect());
        let is_consistent = data["batch"]["id"].as_i64() == location
            && Counts::of(&data["batch"]) == result.counts();
        is_consistent.then_some(result)
    }

    /// Returns whether a batch may have this result.
    pub(crate) fn is_possible(&self, batch: &Batch) -> bool {
        self.rows.len() == batch.rows.len()
            && self.batch.is_some() == self.rows.iter().any(RowResult::is_written)
            && self
                .rows
                .iter()
                .enumerate()
                .all(|(number, row)| row.is_possible(batch, number))
    }

    /// Returns the number of rows with each result.
    pub(crate) fn counts(&self) -> Counts {
        let count = |result: &str| self.rows.iter().filter(|row| row.result == result).count();
        Counts(COUNTED.map(|result| count(result) as i64))
    }

    /// Iterates over the ids of the devices with this result, in row order.
    pub(crate) fn devices<'a>(&'a self, result: &'a str) -> impl Iterator<Item = i64> + 'a {
        let rows = self.rows.iter().filter(move |row| row.result == result);
        rows.filter_map(|row| row.device)
    }
}

/// Results that are counted.
const COUNTED: [&str; 5] = ["created", "updated", "unchanged", "skipped", "failed"];

/// Numbers of rows with each of the results [`COUNTED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts(pub(crate) [i64; 5]);

impl Counts {
    /// Reads the counts of a response. A missing one is -1.
    fn of(batch: &Value) -> Self {
        Self(COUNTED.map(|result| batch[result].as_i64().unwrap_or(-1)))
    }
}

/// Time in the order of the requests and responses of all writers.
pub(crate) type Tick = u64;

/// Returns the next tick.
pub(crate) fn tick() -> Tick {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::SeqCst)
}

/// Result of a batch, with the times of its first request and of the response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Acknowledgement {
    pub(crate) sent: Tick,
    pub(crate) received: Tick,
    pub(crate) result: BatchResult,
}

/// Acknowledged batches by key.
pub(crate) type Acknowledged = HashMap<String, Acknowledgement>;

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

    pub(crate) fn acknowledge(&mut self, key: &str, acknowledgement: &Acknowledgement) {
        let written = writeln!(self.file, "{}", json!([key, acknowledgement]));
        let synced = written.and_then(|()| self.file.sync_data());
        synced.expect("the journal is writable");
    }

    /// Reads the acknowledged batches back from disk.
    pub(crate) fn read(&self) -> Acknowledged {
        let file = File::open(&self.path).expect("the journal exists");
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let entries = lines.map(|line| {
            serde_json::from_str::<(String, Acknowledgement)>(&line)
                .expect("the journal holds JSON")
        });
        entries.collect()
    }
}
