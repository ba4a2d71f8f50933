//! Writer of the scenario `crashes`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use devices_tests::AUTOCOMMIT;
use rand::RngExt;

use crate::batches::{Batch, Journal};
use crate::client::{Client, Response};

/// Client that sends one batch after the other.
#[derive(Debug)]
pub(crate) struct Writer {
    number: usize,
    /// Number of batches sent so far.
    sent: usize,
    pub(crate) journal: Journal,
    client: Client,
    /// `true`: sends batches of up to 39 devices with idempotency keys. `false`: sends batches of
    /// up to 10 devices without, which one statement stores that commits by itself (ADR 35).
    pub(crate) sends_keys: bool,
}

/// Batches that one writer sent in one round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) sent: Vec<Batch>,
    pub(crate) acknowledged: HashMap<String, Vec<i64>>,
    pub(crate) rejected: usize,
    /// The last batch, if its response was neither a 201 nor an expected rejection.
    pub(crate) unresolved: Option<(Batch, Response)>,
    /// The last batch, instead, if no response told its outcome and no idempotency key can.
    pub(crate) in_doubt: Option<Batch>,
}

impl Writer {
    pub(crate) fn new(number: usize, directory: &Path, client: &Client, sends_keys: bool) -> Self {
        Self {
            number,
            sent: 0,
            journal: Journal::create(directory, number),
            client: client.clone(),
            sends_keys,
        }
    }

    /// Posts batches until `stop` is set or a response leaves a batch unresolved.
    pub(crate) fn write(&mut self, address: &str, stop: &AtomicBool) -> Round {
        let mut round = Round::default();
        while !stop.load(Ordering::SeqCst) {
            let batch = self.next_batch();
            let response = self.post(address, &batch);
            let is_in_doubt = matches!(response, Response::InDoubt | Response::ConnectionLost);
            if is_in_doubt && !self.sends_keys && !batch.is_invalid {
                round.in_doubt = Some(batch);
                break;
            }
            round.sent.push(batch.clone());
            match response {
                Response::Stored { ids, .. } => {
                    self.journal.acknowledge(&batch.key, &ids);
                    round.acknowledged.insert(batch.key, ids);
                }
                Response::Rejected(_) if batch.is_invalid => round.rejected += 1,
                response => {
                    round.unresolved = Some((batch, response));
                    break;
                }
            }
        }
        round
    }

    pub(crate) fn post(&self, address: &str, batch: &Batch) -> Response {
        if self.sends_keys {
            self.client.post(address, &batch.key, &batch.body())
        } else {
            self.client.post_without_key(address, &batch.body())
        }
    }

    fn next_batch(&mut self) -> Batch {
        self.sent += 1;
        // The proxy recognises the statement that commits by itself.
        let (prefix, max_rows) = if self.sends_keys {
            ("", 39)
        } else {
            (AUTOCOMMIT, 10)
        };
        Batch {
            key: format!("{prefix}W{}-{}", self.number, self.sent),
            rows: rand::rng().random_range(1..=max_rows),
            is_invalid: self.sent.is_multiple_of(20),
        }
    }
}
