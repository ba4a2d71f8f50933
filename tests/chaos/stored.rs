//! Stored rows of batches: events, numbers of rows, and devices.

use std::collections::HashMap;

use devices_tests::Cluster;
use serde::de::DeserializeOwned;

use crate::batches::Batch;
use crate::results::{Acknowledged, Counts};

/// Stored rows of some batches.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// By the key of the batch.
    events: HashMap<String, Vec<Event>>,
    /// By the number of the batch.
    pub(crate) counts: HashMap<i64, Counts>,
    /// Devices of the batches, by id.
    pub(crate) devices: HashMap<i64, Device>,
    /// Rows whose comments the devices have, by the key of the batch.
    written: HashMap<String, Vec<(usize, i64)>>,
}

/// Event of a batch.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: i64,
    /// Number of the batch, if it has options.
    pub(crate) batch: Option<i64>,
    /// `CREATED`, or `UPDATED` with the names of the changed fields.
    pub(crate) action: String,
    pub(crate) devices: Vec<i64>,
}

/// Request id, batch, action and devices of an event.
type EventRow = (String, Option<i64>, String, Vec<i64>);

#[derive(Debug)]
pub(crate) struct Device {
    /// Comment and RAM.
    pub(crate) values: [Option<String>; 2],
    pub(crate) is_archived: bool,
}

impl Device {
    /// Returns the key of the batch that wrote the comment, and the row.
    pub(crate) fn writer(&self) -> Option<(&str, usize)> {
        let (key, row) = self.values[0].as_ref()?.rsplit_once('/')?;
        Some((key, row.parse().ok()?))
    }
}

/// Number of batches per query.
const CHUNK: usize = 1_000;

impl Stored {
    /// Loads the rows of batches, and the devices of their results.
    pub(crate) fn load(cluster: &Cluster, batches: &[Batch], acknowledged: &Acknowledged) -> Self {
        let mut stored = Self::default();
        for chunk in batches.chunks(CHUNK) {
            let keys = chunk.iter().map(|batch| format!("'{}'", batch.key));
            let keys = keys.collect::<Vec<_>>().join(", ");
            stored.load_events(cluster, &keys);
            let results = chunk
                .iter()
                .filter_map(|batch| acknowledged.get(&batch.key));
            let rows = results.flat_map(|acknowledgement| &acknowledgement.result.rows);
            let ids = rows.filter_map(|row| row.device);
            let ids = ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
            stored.load_devices(
                cluster,
                &format!("split_part(comment, '/', 1) IN ({keys}) OR id = ANY ('{{{ids}}}')"),
            );
        }
        stored
    }

    /// Loads all devices.
    pub(crate) fn load_all_devices(cluster: &Cluster) -> Self {
        let mut stored = Self::default();
        stored.load_devices(cluster, "true");
        stored
    }

    fn load_events(&mut self, cluster: &Cluster, keys: &str) {
        let events = format!(
            "SELECT json_build_array(client_request_id, batch_id, \
                        concat_ws(' ', action, nullif(array_to_string(fields, ','), '')), \
                        device_ids)::text AS word, id AS number \
             FROM device_events WHERE client_request_id IN ({keys}) ORDER BY id"
        );
        let mut numbers = Vec::new();
        for ((key, batch, action, devices), id) in rows::<EventRow>(cluster, &events) {
            numbers.extend(batch.map(|number| number.to_string()));
            self.events.entry(key).or_default().push(Event {
                id,
                batch,
                action,
                devices,
            });
        }
        let counts = format!(
            "SELECT json_build_array(created_count, updated_count, unchanged_count, \
                        skipped_count, failed_count)::text AS word, id AS number \
             FROM batches WHERE id = ANY ('{{{}}}')",
            numbers.join(", ")
        );
        let counts = rows(cluster, &counts).into_iter();
        self.counts
            .extend(counts.map(|(counts, id)| (id, Counts(counts))));
    }

    fn load_devices(&mut self, cluster: &Cluster, condition: &str) {
        let devices = format!(
            "SELECT json_build_array(comment, ram, deleted_at IS NOT NULL)::text AS word, \
                    id AS number \
             FROM devices WHERE {condition}"
        );
        for ((comment, ram, is_archived), id) in rows(cluster, &devices) {
            let device = Device {
                values: [comment, ram],
                is_archived,
            };
            if let Some((key, row)) = device.writer() {
                self.written
                    .entry(key.to_owned())
                    .or_default()
                    .push((row, id));
            }
            self.devices.insert(id, device);
        }
    }

    /// Returns the events of a batch.
    pub(crate) fn events(&self, batch: &Batch) -> &[Event] {
        self.events.get(&batch.key).map_or(&[], Vec::as_slice)
    }

    /// Returns the rows of a batch whose comments devices have, with the ids of these.
    pub(crate) fn written(&self, batch: &Batch) -> &[(usize, i64)] {
        self.written.get(&batch.key).map_or(&[], Vec::as_slice)
    }
}

/// Runs a query whose column `word` is JSON.
fn rows<T: DeserializeOwned>(cluster: &Cluster, query: &str) -> Vec<(T, i64)> {
    let rows = cluster.query(query).into_iter();
    rows.map(|row| {
        let value = serde_json::from_str(&row.word).expect("the column has the queried values");
        (value, row.number)
    })
    .collect()
}
