//! Writer of the scenario `crashes`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use devices_tests::AUTOCOMMIT;
use rand::RngExt;

use crate::batches::{Batch, Options};
use crate::client::{Client, Response};
use crate::compare::Archived;
use crate::results::{Acknowledged, Acknowledgement, BatchResult, Journal, Tick, tick};

/// Batches that a writer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Without options, of up to 39 devices, with idempotency keys.
    WithKeys,
    /// Without options, of up to 10 devices, without idempotency keys. One statement stores them
    /// that commits by itself (ADR 35).
    WithoutKeys,
    /// With every combination of options, with and without idempotency keys.
    WithOptions,
}

impl Kind {
    /// Beginning of the keys of the batches.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::WithKeys => "K",
            // The proxy recognises the statement by it.
            Self::WithoutKeys => AUTOCOMMIT,
            Self::WithOptions => "O",
        }
    }
}

/// Client that sends one batch after the other, and undoes some.
#[derive(Debug)]
pub(crate) struct Writer {
    number: usize,
    /// Number of batches sent so far.
    sent: usize,
    pub(crate) journal: Journal,
    pub(crate) client: Client,
    kind: Kind,
}

/// Batches that one writer sent in one round.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) sent: Vec<Batch>,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) rejected: usize,
    /// The last batch, if its response was neither a success nor an expected rejection.
    pub(crate) unresolved: Option<Unresolved>,
    /// The last batch, instead, if no response told its outcome and no idempotency key can.
    pub(crate) in_doubt: Option<Batch>,
    /// Devices of undone batches.
    pub(crate) archived: Archived,
    /// Number of the last batch and status of its undo, if that was not a success.
    pub(crate) unresolved_undo: Option<(i64, u16)>,
}

/// A batch whose outcome is to be found out.
#[derive(Debug)]
pub(crate) struct Unresolved {
    pub(crate) batch: Batch,
    pub(crate) sent: Tick,
    pub(crate) response: Response,
}

impl Writer {
    pub(crate) fn new(number: usize, directory: &Path, client: &Client, kind: Kind) -> Self {
        Self {
            number,
            sent: 0,
            journal: Journal::create(directory, number),
            client: client.clone(),
            kind,
        }
    }

    /// Posts batches until `stop` is set or a response leaves a batch unresolved.
    pub(crate) fn write(&mut self, address: &str, stop: &AtomicBool) -> Round {
        let mut round = Round::default();
        while !stop.load(Ordering::SeqCst) {
            let batch = self.next_batch();
            let sent = tick();
            let response = self.client.post_batch(address, &batch);
            let is_in_doubt = matches!(response, Response::InDoubt | Response::ConnectionLost);
            if is_in_doubt && !batch.has_idempotency_key && !batch.is_invalid() {
                round.in_doubt = Some(batch);
                break;
            }
            round.sent.push(batch.clone());
            match response {
                Response::Stored { result, .. } => {
                    let number = result.batch.filter(|_| self.undoes(&result));
                    let acknowledgement = self.acknowledge(&batch, sent, result);
                    round.acknowledged.insert(batch.key, acknowledgement);
                    if !number.is_none_or(|number| self.undo(address, number, &mut round)) {
                        break;
                    }
                }
                Response::Rejected(400) if batch.is_invalid() => round.rejected += 1,
                response => {
                    round.unresolved = Some(Unresolved {
                        batch,
                        sent,
                        response,
                    });
                    break;
                }
            }
        }
        round
    }

    /// Adds an acknowledged batch to the journal.
    pub(crate) fn acknowledge(
        &mut self,
        batch: &Batch,
        sent: Tick,
        result: BatchResult,
    ) -> Acknowledgement {
        let acknowledgement = Acknowledgement {
            sent,
            received: tick(),
            result,
        };
        self.journal.acknowledge(&batch.key, &acknowledgement);
        acknowledgement
    }

    /// Decides at random whether to undo a batch.
    fn undoes(&self, result: &BatchResult) -> bool {
        // In the other workspace, transactions would disturb the statements that need none.
        self.kind != Kind::WithoutKeys
            && result.devices("created").next().is_some()
            && rand::rng().random_bool(0.2)
    }

    /// Undoes a batch. Returns whether it is undone.
    fn undo(&self, address: &str, batch: i64, round: &mut Round) -> bool {
        match self.client.undo(address, batch) {
            Ok(devices) => {
                let received = tick();
                round
                    .archived
                    .extend(devices.into_iter().map(|device| (device, received)));
                true
            }
            Err(status) => {
                round.unresolved_undo = Some((batch, status));
                false
            }
        }
    }

    fn next_batch(&mut self) -> Batch {
        self.sent += 1;
        let key = format!("{}{}-{}", self.kind.prefix(), self.number, self.sent);
        let mut batch = match self.kind {
            Kind::WithKeys => Batch::plain(key, rand::rng().random_range(1..=39)),
            Kind::WithoutKeys => Batch {
                has_idempotency_key: false,
                ..Batch::plain(key, rand::rng().random_range(1..=10))
            },
            Kind::WithOptions => {
                let all = Options::all();
                let options = all[(self.number + self.sent) % all.len()];
                return Batch::with_options(key, self.number, options);
            }
        };
        if self.sent.is_multiple_of(20) {
            batch.add_invalid_row();
        }
        batch
    }
}
