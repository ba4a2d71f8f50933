//! Comparison of batches and their responses with the stored rows.

use std::collections::{HashMap, HashSet};
use std::fmt;

use devices_tests::Cluster;

use crate::batches::{Batch, Options};
use crate::results::{Acknowledged, BatchResult, Tick};
use crate::stored::{Device, Event, Stored};

/// Keys of the batches whose stored rows contradict the responses.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    /// Acknowledged, but not stored.
    pub(crate) lost: Vec<String>,
    /// Stored more than once.
    pub(crate) duplicated: Vec<String>,
    /// Stored in part, with other rows or numbers than acknowledged, or without their events.
    pub(crate) partial: Vec<String>,
    /// Stored, although the response was a rejection or "not stored".
    pub(crate) unexpected: Vec<String>,
    /// Acknowledged with a result that its rows cannot have.
    pub(crate) impossible: Vec<String>,
    /// Devices whose values are not those that were acknowledged last.
    pub(crate) overwritten: Vec<String>,
}

impl Violations {
    pub(crate) fn is_empty(&self) -> bool {
        let Self {
            lost,
            duplicated,
            partial,
            unexpected,
            impossible,
            overwritten,
        } = self;
        [
            lost,
            duplicated,
            partial,
            unexpected,
            impossible,
            overwritten,
        ]
        .iter()
        .all(|keys| keys.is_empty())
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.duplicated.extend(other.duplicated);
        self.partial.extend(other.partial);
        self.unexpected.extend(other.unexpected);
        self.impossible.extend(other.impossible);
        self.overwritten.extend(other.overwritten);
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("lost:            ", &self.lost, ""),
            ("\nduplicated:      ", &self.duplicated, ""),
            ("\npartial:         ", &self.partial, ""),
            (
                "\nunexpected:      ",
                &self.unexpected,
                " (stored despite a rejection or a \"not stored\" response)",
            ),
            (
                "\nimpossible:      ",
                &self.impossible,
                " (results that contradict their requests)",
            ),
            (
                "\noverwritten:     ",
                &self.overwritten,
                " (devices without the values acknowledged last)",
            ),
        ];
        lines.into_iter().try_for_each(|(name, keys, meaning)| {
            write!(f, "{name}{}{meaning}", count_and_first(keys))
        })
    }
}

pub(crate) fn count_and_first(keys: &[String]) -> String {
    match keys.first() {
        Some(first) => format!("{} (first: {first})", keys.len()),
        None => "0".to_owned(),
    }
}

/// Compares the stored rows of `batches` with the responses. Those that are not acknowledged must
/// not be stored.
pub(crate) fn compare(
    cluster: &Cluster,
    batches: &[Batch],
    acknowledged: &Acknowledged,
) -> Violations {
    let stored = Stored::load(cluster, batches, acknowledged);
    let mut violations = Violations::default();
    for batch in batches {
        let key = batch.key.clone();
        let Some(acknowledgement) = acknowledged.get(&key) else {
            if !stored.events(batch).is_empty() || !stored.written(batch).is_empty() {
                violations.unexpected.push(key);
            }
            continue;
        };
        let result = &acknowledgement.result;
        if !result.is_possible(batch) {
            violations.impossible.push(key.clone());
        }
        let (acknowledged, found) = (changes_of_result(result), changes(stored.events(batch)));
        if found.is_empty() && !acknowledged.is_empty() {
            violations.lost.push(key);
        } else if found.len() > acknowledged.len() {
            violations.duplicated.push(key);
        } else if found != acknowledged || !is_stored_as_acknowledged(batch, result, &stored) {
            violations.partial.push(key);
        }
    }
    violations
}

/// Returns the keys of the batches that are stored, which may be any, and the violations of those
/// that are stored in part.
pub(crate) fn compare_in_doubt(
    cluster: &Cluster,
    batches: &[Batch],
) -> (HashSet<String>, Violations) {
    let stored = Stored::load(cluster, batches, &Acknowledged::new());
    let mut keys = HashSet::new();
    let mut violations = Violations::default();
    for batch in batches {
        let changes = changes(stored.events(batch));
        let is_written_by_event =
            |(_, device): &(usize, i64)| changes.iter().any(|(changed, _)| changed == device);
        let is_whole = stored.written(batch).iter().all(is_written_by_event)
            && (changes.is_empty() || has_all_rows(batch, &changes, &stored));
        if !is_whole {
            violations.partial.push(batch.key.clone());
        }
        if !changes.is_empty() {
            keys.insert(batch.key.clone());
        }
    }
    (keys, violations)
}

/// A device and what happened to it, as in [`Event::action`].
type Change = (i64, String);

/// Returns the changes of devices that events report, sorted.
fn changes(events: &[Event]) -> Vec<Change> {
    let changes = events.iter().flat_map(|event| {
        let devices = event.devices.iter();
        devices.map(|device| (*device, event.action.clone()))
    });
    let mut changes: Vec<Change> = changes.collect();
    changes.sort();
    changes
}

/// Returns the changes of devices that a response reports, sorted.
fn changes_of_result(result: &BatchResult) -> Vec<Change> {
    let rows = result.rows.iter().filter_map(|row| {
        let action = match row.result.as_str() {
            "created" => "CREATED".to_owned(),
            "updated" => format!("UPDATED {}", row.changed_fields.join(",")),
            _ => return None,
        };
        Some((row.device?, action))
    });
    let mut changes: Vec<Change> = rows.collect();
    changes.sort();
    changes
}

/// Returns whether devices, numbers of rows and the number of the batch are those of the response.
/// The events must be.
fn is_stored_as_acknowledged(batch: &Batch, result: &BatchResult, stored: &Stored) -> bool {
    let devices = result.rows.iter().filter_map(|row| row.device);
    let has_values = stored.written(batch).iter().all(|(number, id)| {
        let Some(row) = result.rows.get(*number) else {
            return false;
        };
        let device = &stored.devices[id];
        row.is_written() && row.device == Some(*id) && row.values == device.values
    });
    let counts = result.batch.and_then(|number| stored.counts.get(&number));
    let has_counts = if batch.options == Options::NONE {
        counts.is_none()
    } else {
        counts.copied() == result.batch.map(|_| result.counts())
    };
    has_values
        && has_counts
        && has_number(batch, result.batch, stored)
        && devices
            .into_iter()
            .all(|id| stored.devices.contains_key(&id))
}

/// Returns whether the events of a batch have its number: the id of the first of them.
fn has_number(batch: &Batch, number: Option<i64>, stored: &Stored) -> bool {
    let events = stored.events(batch);
    let column = number.filter(|_| batch.options != Options::NONE);
    events.first().map(|event| event.id) == number
        && events.iter().all(|event| event.batch == column)
}

/// Returns whether a batch whose changes are stored has all its rows.
fn has_all_rows(batch: &Batch, changes: &[Change], stored: &Stored) -> bool {
    let has_devices = changes
        .iter()
        .all(|(device, _)| stored.devices.contains_key(device));
    let created = changes.iter().filter(|(_, action)| action == "CREATED");
    let created = created.count() as i64;
    if batch.options == Options::NONE {
        return has_devices && created == batch.rows.len() as i64;
    }
    let number = stored.events(batch).first().and_then(|event| event.batch);
    let counts = number.and_then(|number| stored.counts.get(&number));
    counts.is_some_and(|counts| {
        let updated = changes.len() as i64 - created;
        counts.0[..2] == [created, updated]
            && counts.0.iter().sum::<i64>() == batch.rows.len() as i64
    }) && has_number(batch, number, stored)
}

/// Archived devices, with the time of the response that reported it.
pub(crate) type Archived = HashMap<i64, Tick>;

/// Compares every device with the last acknowledged change of it. `in_doubt` holds the keys of
/// batches that are stored without being acknowledged: each may be the last change.
pub(crate) fn compare_last_changes(
    cluster: &Cluster,
    acknowledged: &Acknowledged,
    in_doubt: &HashSet<String>,
    archived: &Archived,
) -> Violations {
    let mut histories: HashMap<i64, History> = HashMap::new();
    for acknowledgement in acknowledged.values() {
        for row in &acknowledgement.result.rows {
            let Some(device) = row.device.filter(|_| row.is_written()) else {
                continue;
            };
            let history = histories.entry(device).or_default();
            history.last_sent = history.last_sent.max(Some(acknowledgement.sent));
            if row.result == "created" {
                history.created = Some(acknowledgement.received);
            }
        }
    }
    let mut violations = Violations::default();
    for (id, device) in Stored::load_all_devices(cluster).devices {
        let history = histories.get(&id).copied().unwrap_or_default();
        let written = match device.writer() {
            // Batches in doubt may also have created it.
            None => Some(history.created.unwrap_or(Tick::MAX)),
            Some((key, _)) if in_doubt.contains(key) => Some(Tick::MAX),
            Some((key, _)) => acknowledged.get(key).map(|written| written.received),
        };
        let name = || format!("device {id} {:?}", device.values);
        match (device.is_archived, archived.get(&id)) {
            (false, Some(_)) => violations.lost.push(name()),
            (true, None) => violations.unexpected.push(name()),
            (true, Some(received)) => {
                // An undo keeps devices that were changed since.
                if !history.precedes(*received) || !is_as_created(&device, acknowledged) {
                    violations.overwritten.push(name());
                }
            }
            (false, None) => {}
        }
        if !written.is_some_and(|written| history.precedes(written)) {
            violations.overwritten.push(name());
        }
    }
    violations
}

/// Returns whether a device has the values with which an acknowledged batch created it.
fn is_as_created(device: &Device, acknowledged: &Acknowledged) -> bool {
    device.writer().is_none_or(|(key, row)| {
        let acknowledgement = acknowledged.get(key);
        let row = acknowledgement.and_then(|acknowledgement| acknowledgement.result.rows.get(row));
        row.is_some_and(|row| row.result == "created")
    })
}

/// Acknowledged changes of a device.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    /// Time at which the last change was sent.
    last_sent: Option<Tick>,
    /// Time at which its creation was acknowledged.
    created: Option<Tick>,
}

impl History {
    /// Returns whether no change was sent after this time, so that a change that was acknowledged
    /// at this time may be the last one.
    fn precedes(self, received: Tick) -> bool {
        self.last_sent.is_none_or(|sent| sent < received)
    }
}
