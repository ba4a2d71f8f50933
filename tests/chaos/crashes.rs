//! Crashes of the server, PostgreSQL and connections while writers post batches and a reader
//! follows the event feed.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, create_workspace, set_up_workspace};
use rand::RngExt;

use crate::Outcome;
use crate::batches::Batch;
use crate::client::{Client, Response};
use crate::compare::{
    Archived, Violations, compare, compare_in_doubt, compare_last_changes, count_and_first,
};
use crate::faults::{Fault, FaultyService};
use crate::feed::FeedReader;
use crate::results::{Acknowledged, BatchResult, tick};
use crate::writer::{Kind, Round, Unresolved, Writer};

/// Numbers of writers. Those of the first workspace are 32. Groups of few batches without keys
/// remain small enough for the statement that commits by itself (ADR 35).
const WRITERS: [(Kind, usize); 3] = [
    (Kind::WithKeys, 8),
    (Kind::WithOptions, 24),
    (Kind::WithoutKeys, 4),
];

/// Injects faults, scaled by `share`. No acknowledged batch may be lost, stored twice or stored in
/// part, every device must have the values that were acknowledged last, and the event feed must
/// have every event once, in order.
pub(crate) fn run(cluster: &Cluster, share: impl Fn(usize) -> usize) -> Outcome {
    let faults = Fault::shuffled(share);
    let mut crashes = Crashes::start(cluster);
    for (round, fault) in faults.iter().enumerate() {
        crashes.run_round(*fault);
        print_progress(round + 1, faults.len(), &crashes.tally);
    }
    crashes.finish()
}

/// Negative control: proves that the harness detects losses. With `synchronous_commit = off`,
/// PostgreSQL acknowledges transactions before it writes their WAL, so a kill usually loses some.
pub(crate) fn negative_control(cluster: &Cluster) -> Outcome {
    // A kill may lose batches of one kind of writer only, or none.
    const ROUNDS: usize = 60;
    cluster.execute("ALTER SYSTEM SET synchronous_commit = off");
    // With the default of 200 ms, the WAL writer would catch up before most kills.
    cluster.execute("ALTER SYSTEM SET wal_writer_delay = '10s'");
    cluster.execute("SELECT pg_reload_conf()");
    let mut crashes = Crashes::start(cluster);
    let mut lost = [0; WRITERS.len()];
    for round in 1..=ROUNDS {
        crashes.run_round(Fault::Database);
        print_progress(round, ROUNDS, &crashes.tally);
        lost = WRITERS.map(|(kind, _)| {
            let lost = crashes.violations.lost.iter();
            lost.filter(|key| key.starts_with(kind.prefix())).count()
        });
        if lost.iter().all(|count| *count > 0) {
            let [with_keys, with_options, without_keys] = lost;
            return Ok(format!(
                "synchronous_commit = off lost {with_keys} acknowledged batches with an \
                 idempotency key, {with_options} with options and {without_keys} without a key in \
                 {round} kills of the database, as expected"
            ));
        }
    }
    let [with_keys, with_options, without_keys] = lost;
    Err(format!(
        "{ROUNDS} kills of a database with synchronous_commit = off lost {with_keys} batches with \
         an idempotency key, {with_options} with options and {without_keys} without a key: this \
         harness does not detect all losses"
    ))
}

#[derive(Debug, Default)]
struct Tally {
    faults: HashMap<Fault, usize>,
    acknowledged: HashMap<Kind, usize>,
    rejected: usize,
    /// Batches without an idempotency key whose response said that nothing was stored.
    not_stored: usize,
    /// Batches whose outcome the client did not learn and that it sent again.
    retried: usize,
    /// Retried batches whose first attempt had been stored.
    replayed: usize,
    /// Responses that must not occur: a 500, or a valid batch rejected.
    failed: Vec<String>,
}

impl Tally {
    fn count_acknowledged(&mut self, acknowledged: &Acknowledged) {
        for (kind, _) in WRITERS {
            let keys = acknowledged.keys();
            let count = keys.filter(|key| key.starts_with(kind.prefix())).count();
            *self.acknowledged.entry(kind).or_default() += count;
        }
    }
}

struct Crashes<'a> {
    cluster: &'a Cluster,
    service: FaultyService<'a>,
    writers: Vec<Writer>,
    feed: FeedReader,
    directory: PathBuf,
    /// Batches that are stored if and only if they are acknowledged.
    batches: Vec<Batch>,
    /// Batches that may be stored, and are whole if they are.
    in_doubt: Vec<Batch>,
    /// Devices of undone batches.
    archived: Archived,
    tally: Tally,
    violations: Violations,
}

impl<'a> Crashes<'a> {
    fn start(cluster: &'a Cluster) -> Self {
        let client = Client::new(&set_up_workspace(cluster.url()));
        // In the same workspace, groups would contain batches with keys, which need a transaction.
        let without_keys = Client::new(&create_workspace(cluster.url(), "without-keys"));
        let service = FaultyService::start(cluster);
        let directory = std::env::temp_dir().join(format!("fleet-devices-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let kinds = WRITERS.iter();
        let kinds = kinds.flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
        let writers = kinds.enumerate().map(|(number, kind)| {
            let client = if kind == Kind::WithoutKeys {
                &without_keys
            } else {
                &client
            };
            Writer::new(number, &directory, client, kind)
        });
        Self {
            cluster,
            writers: writers.collect(),
            feed: FeedReader::start(&client, service.address()),
            service,
            directory,
            batches: Vec::new(),
            in_doubt: Vec::new(),
            archived: Archived::new(),
            tally: Tally::default(),
            violations: Violations::default(),
        }
    }

    /// Injects a fault under load, restarts what it stopped, retries the unresolved batches and
    /// checks the stored rows against the responses.
    fn run_round(&mut self, fault: Fault) {
        let stop = AtomicBool::new(false);
        let mut writers = std::mem::take(&mut self.writers);
        let address = self.service.address().to_owned();
        let rounds: Vec<Round> = std::thread::scope(|scope| {
            let (stop, address) = (&stop, &address);
            let threads: Vec<_> = writers
                .iter_mut()
                .map(|writer| scope.spawn(move || writer.write(address, stop)))
                .collect();
            std::thread::sleep(Duration::from_millis(rand::rng().random_range(20..400)));
            self.service.inject(fault);
            // Writers that the fault did not hit go on for a moment.
            std::thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::SeqCst);
            let rounds = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            rounds
                .map(|round| round.expect("no writer panics"))
                .collect()
        });
        self.writers = writers;
        *self.tally.faults.entry(fault).or_default() += 1;
        self.service.repair(fault);
        self.feed.set_address(self.service.address());
        self.check(rounds);
    }

    fn check(&mut self, rounds: Vec<Round>) {
        let mut sent = Vec::new();
        let mut acknowledged = Acknowledged::new();
        let mut unresolved = Vec::new();
        for (writer, round) in rounds.into_iter().enumerate() {
            sent.extend(round.sent);
            acknowledged.extend(round.acknowledged);
            self.tally.rejected += round.rejected;
            self.in_doubt.extend(round.in_doubt);
            self.archived.extend(round.archived);
            if let Some((batch, status)) = round.unresolved_undo {
                self.retry_undo(writer, batch, status);
            }
            unresolved.extend(round.unresolved.map(|batch| (writer, batch)));
        }
        // "Nothing was stored" must be true before the retry stores it.
        let not_stored: Vec<Batch> = unresolved
            .iter()
            .filter(|(_, unresolved)| matches!(unresolved.response, Response::NotStored))
            .map(|(_, unresolved)| unresolved.batch.clone())
            .collect();
        self.violations
            .extend(compare(self.cluster, &not_stored, &acknowledged));
        for (writer, unresolved) in unresolved {
            let Unresolved {
                batch,
                sent,
                response,
            } = unresolved;
            let is_failure = matches!(response, Response::ServerError | Response::Rejected(_));
            if is_failure {
                self.tally
                    .failed
                    .push(format!("{}: {response:?}", batch.key));
            }
            if !batch.has_idempotency_key {
                self.tally.not_stored += usize::from(matches!(response, Response::NotStored));
                continue;
            }
            self.tally.retried += 1;
            if let Some(result) = self.retry(writer, &batch) {
                let acknowledgement = self.writers[writer].acknowledge(&batch, sent, result);
                acknowledged.insert(batch.key, acknowledgement);
            }
        }
        self.tally.count_acknowledged(&acknowledged);
        self.violations
            .extend(compare(self.cluster, &sent, &acknowledged));
        self.batches.extend(sent);
    }

    /// Sends a batch again under its idempotency key until its outcome is known. Returns the result
    /// if it is acknowledged.
    fn retry(&mut self, writer: usize, batch: &Batch) -> Option<BatchResult> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let client = &self.writers[writer].client;
            match client.post_batch(self.service.address(), batch) {
                Response::Stored { result, replayed } => {
                    self.tally.replayed += usize::from(replayed);
                    return Some(result);
                }
                Response::Rejected(400) if batch.is_invalid() => {
                    self.tally.rejected += 1;
                    return None;
                }
                response => {
                    assert!(Instant::now() < deadline, "{response:?} for {}", batch.key);
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends an undo again until it is acknowledged. `status` is that of its first response.
    fn retry_undo(&mut self, writer: usize, batch: i64, mut status: u16) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline && matches!(status, 0 | 503) {
            match self.writers[writer]
                .client
                .undo(self.service.address(), batch)
            {
                Ok(devices) => {
                    let received = tick();
                    let devices = devices.into_iter().map(|device| (device, received));
                    self.archived.extend(devices);
                    return;
                }
                Err(other) => status = other,
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.tally
            .failed
            .push(format!("undo of batch {batch}: {status}"));
    }

    /// Compares all journals, as they are on disk, with the stored rows.
    fn finish(mut self) -> Outcome {
        let mut acknowledged = Acknowledged::new();
        for writer in &self.writers {
            acknowledged.extend(writer.journal.read());
        }
        let last = compare(self.cluster, &self.batches, &acknowledged);
        self.violations.extend(last);
        let (in_doubt, partial) = compare_in_doubt(self.cluster, &self.in_doubt);
        self.violations.extend(partial);
        let overwritten =
            compare_last_changes(self.cluster, &acknowledged, &in_doubt, &self.archived);
        self.violations.extend(overwritten);
        std::fs::remove_dir_all(&self.directory).expect("the temporary directory is writable");
        // Each batch that changed something has its own request id.
        let stored = self.cluster.count(
            "(SELECT DISTINCT client_request_id FROM device_events \
              WHERE action IN ('CREATED', 'UPDATED')) AS batches",
        );
        let changing = acknowledged.values();
        let changing = changing.filter(|acknowledgement| acknowledgement.result.batch.is_some());
        let expected = changing.count() + in_doubt.len();
        let summary = self.summary(&in_doubt, stored);
        let is_consistent = self.violations.is_empty() && self.tally.failed.is_empty();
        let feed = self.feed.finish().check(self.cluster, "acme");
        match feed {
            Ok(feed) if is_consistent && stored as usize == expected => {
                Ok(format!("{summary}\n{feed}"))
            }
            Ok(feed) | Err(feed) => Err(format!("{summary}, {expected} expected\n{feed}")),
        }
    }

    fn summary(&self, in_doubt: &HashSet<String>, stored: i64) -> String {
        let Tally {
            faults,
            acknowledged,
            rejected,
            not_stored,
            retried,
            replayed,
            failed,
        } = &self.tally;
        let times = |fault| faults.get(&fault).copied().unwrap_or_default();
        let acknowledged = WRITERS.map(|(kind, _)| acknowledged.get(&kind).copied());
        let [with_keys, with_options, without_keys] = acknowledged.map(Option::unwrap_or_default);
        format!(
            "killed:          server {}, one backend {}, postmaster and all children {}\n\
             connections cut: before COMMIT {}, during COMMIT {}, after COMMIT {}, after COMMIT \
             with an outage {}\n\
             acknowledged:    {with_keys} batches with an idempotency key, {with_options} with \
             options, {without_keys} without a key; {rejected} rejected\n\
             retried:         {retried} with their idempotency keys; {replayed} had been stored\n\
             without a key:   {not_stored} \"not stored\"; {} in doubt, {} of them stored\n\
             undone:          {} devices archived\n\
             {}\n\
             failed:          {} (500, or a valid batch rejected)\n\
             audit trail:     {stored} batches with changes",
            times(Fault::Server),
            times(Fault::Backend),
            times(Fault::Database),
            times(Fault::BeforeCommit),
            times(Fault::DuringCommit),
            times(Fault::AfterCommit),
            times(Fault::AfterCommitWithOutage),
            self.in_doubt.len(),
            in_doubt.len(),
            self.archived.len(),
            self.violations,
            count_and_first(failed),
        )
    }
}

fn print_progress(round: usize, rounds: usize, tally: &Tally) {
    if round.is_multiple_of(10) || round == rounds {
        let acknowledged: usize = tally.acknowledged.values().sum();
        eprintln!("{round} of {rounds} crashes, {acknowledged} batches acknowledged");
    }
}
