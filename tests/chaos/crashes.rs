//! Crashes of the server, PostgreSQL and connections while writers post batches: eight with
//! idempotency keys, and four without, whose batches are small.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{
    AUTOCOMMIT, Cluster, Proxy, ProxyMode, ServerProcess, create_workspace, set_up_workspace,
};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::Outcome;
use crate::batches::{Batch, Violations, compare, stored_ids};
use crate::client::{Client, Response};
use crate::writer::{Round, Writer};

/// Number of writers that send idempotency keys.
const WRITERS: usize = 8;

/// Number of writers without idempotency keys. Groups of few batches remain small enough for the
/// statement that commits by itself (ADR 35).
const WRITERS_WITHOUT_KEYS: usize = 4;

/// Fault injected under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fault {
    /// Kills the server.
    Server,
    /// Kills a PostgreSQL backend that serves a connection; PostgreSQL then recovers.
    Backend,
    /// Kills the postmaster and all its children.
    Database,
    /// Cuts a connection before PostgreSQL receives COMMIT.
    BeforeCommit,
    /// Cuts a connection while PostgreSQL commits.
    DuringCommit,
    /// Cuts a connection after PostgreSQL has committed.
    AfterCommit,
    /// Cuts a connection after PostgreSQL has committed, and blocks all others for a while.
    AfterCommitWithOutage,
}

/// Injects faults in random order: 100 kills of the server, 30 of a backend, 30 of the database and
/// 80 cut connections, scaled by `share`. No acknowledged batch may be lost, stored twice or stored
/// in part.
pub(crate) fn run(cluster: &Cluster, share: impl Fn(usize) -> usize) -> Outcome {
    let mut faults = Vec::new();
    for (fault, count) in [
        (Fault::Server, 100),
        (Fault::Backend, 30),
        (Fault::Database, 30),
        (Fault::BeforeCommit, 20),
        (Fault::DuringCommit, 20),
        (Fault::AfterCommit, 20),
        (Fault::AfterCommitWithOutage, 20),
    ] {
        faults.extend(std::iter::repeat_n(fault, share(count)));
    }
    faults.shuffle(&mut rand::rng());
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
    const ROUNDS: usize = 20;
    cluster.execute("ALTER SYSTEM SET synchronous_commit = off");
    // With the default of 200 ms, the WAL writer would catch up before most kills.
    cluster.execute("ALTER SYSTEM SET wal_writer_delay = '10s'");
    cluster.execute("SELECT pg_reload_conf()");
    let mut crashes = Crashes::start(cluster);
    for round in 1..=ROUNDS {
        crashes.run_round(Fault::Database);
        print_progress(round, ROUNDS, &crashes.tally);
        let lost = crashes.violations.lost.iter();
        let (without_key, with_key): (Vec<_>, Vec<_>) =
            lost.partition(|key| key.starts_with(AUTOCOMMIT));
        if !without_key.is_empty() && !with_key.is_empty() {
            return Ok(format!(
                "synchronous_commit = off lost {} acknowledged batches with an idempotency key and \
                 {} without in {round} kills of the database, as expected",
                with_key.len(),
                without_key.len()
            ));
        }
    }
    Err(format!(
        "{ROUNDS} kills of a database with synchronous_commit = off lost nothing, or only \
         batches of one kind of writer: this harness does not detect losses"
    ))
}

#[derive(Debug, Default)]
struct Tally {
    faults: HashMap<Fault, usize>,
    acknowledged: usize,
    acknowledged_without_key: usize,
    rejected: usize,
    /// Batches without an idempotency key whose response said that nothing was stored.
    not_stored: usize,
    /// Batches whose outcome the client did not learn and that it sent again.
    retried: usize,
    /// Retried batches whose first attempt had been stored.
    replayed: usize,
    /// Responses that must not occur: a 500, or a valid batch rejected.
    failed: usize,
}

struct Crashes<'a> {
    cluster: &'a Cluster,
    proxy: Proxy,
    service: ServerProcess,
    writers: Vec<Writer>,
    directory: PathBuf,
    /// Batches that are stored if and only if they are acknowledged.
    batches: Vec<Batch>,
    /// Batches that may be stored, and are whole if they are.
    in_doubt: Vec<Batch>,
    tally: Tally,
    violations: Violations,
}

impl<'a> Crashes<'a> {
    fn start(cluster: &'a Cluster) -> Self {
        let with_keys = Client::new(&set_up_workspace(cluster.url()));
        // In the same workspace, groups would contain batches with keys, which need a transaction.
        let without_keys = Client::new(&create_workspace(cluster.url(), "without-keys"));
        let proxy = Proxy::new(cluster.server_address(), cluster.url());
        let service = ServerProcess::start(proxy.url(), &[]);
        let directory = std::env::temp_dir().join(format!("fleet-devices-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        let writer = |number| {
            let sends_keys = number < WRITERS;
            let client = if sends_keys {
                &with_keys
            } else {
                &without_keys
            };
            Writer::new(number, &directory, client, sends_keys)
        };
        Self {
            cluster,
            proxy,
            service,
            writers: (0..WRITERS + WRITERS_WITHOUT_KEYS).map(writer).collect(),
            directory,
            batches: Vec::new(),
            in_doubt: Vec::new(),
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
            self.inject(fault);
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
        self.repair(fault);
        self.check(rounds);
    }

    fn inject(&mut self, fault: Fault) {
        let cut = |mode| {
            self.proxy.set_mode(mode);
            // Wait until a connection has sent COMMIT and is cut.
            let deadline = Instant::now() + Duration::from_secs(10);
            while self.proxy.mode() == mode {
                assert!(Instant::now() < deadline, "no connection commits");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        match fault {
            Fault::Server => self.service.kill(),
            Fault::Backend => while !self.cluster.kill_backend() {},
            Fault::Database => self.cluster.kill(),
            Fault::BeforeCommit => cut(ProxyMode::DisconnectBeforeCommit),
            Fault::DuringCommit => cut(ProxyMode::DisconnectDuringCommit),
            Fault::AfterCommit => cut(ProxyMode::DisconnectAfterCommit {
                stay_disconnected: false,
            }),
            Fault::AfterCommitWithOutage => cut(ProxyMode::DisconnectAfterCommit {
                stay_disconnected: true,
            }),
        }
    }

    fn repair(&mut self, fault: Fault) {
        self.proxy.set_mode(ProxyMode::Forward);
        if fault == Fault::Database {
            self.cluster.start();
        }
        if fault == Fault::Server {
            self.service = ServerProcess::start(self.proxy.url(), &[]);
        }
    }

    fn check(&mut self, rounds: Vec<Round>) {
        let mut sent = Vec::new();
        let mut acknowledged = HashMap::new();
        let mut unresolved = Vec::new();
        for (writer, round) in rounds.into_iter().enumerate() {
            sent.extend(round.sent);
            acknowledged.extend(round.acknowledged);
            self.tally.rejected += round.rejected;
            self.in_doubt.extend(round.in_doubt);
            unresolved.extend(round.unresolved.map(|batch| (writer, batch)));
        }
        // "Nothing was stored" must be true before the retry stores it.
        let not_stored: Vec<Batch> = unresolved
            .iter()
            .filter(|(_, (_, response))| matches!(response, Response::NotStored))
            .map(|(_, (batch, _))| batch.clone())
            .collect();
        self.violations
            .extend(compare(self.cluster, &not_stored, &acknowledged));
        for (writer, (batch, response)) in unresolved {
            let is_failure = matches!(response, Response::ServerError | Response::Rejected(_));
            self.tally.failed += usize::from(is_failure);
            if !self.writers[writer].sends_keys {
                self.tally.not_stored += usize::from(matches!(response, Response::NotStored));
                continue;
            }
            self.tally.retried += 1;
            if let Some(ids) = self.retry(writer, &batch) {
                self.writers[writer].journal.acknowledge(&batch.key, &ids);
                acknowledged.insert(batch.key, ids);
            }
        }
        self.tally.acknowledged += acknowledged.len();
        self.tally.acknowledged_without_key += acknowledged
            .keys()
            .filter(|key| key.starts_with(AUTOCOMMIT))
            .count();
        self.violations
            .extend(compare(self.cluster, &sent, &acknowledged));
        self.batches.extend(sent);
    }

    /// Sends a batch again under its idempotency key until its outcome is known. Returns the ids if
    /// it is stored.
    fn retry(&mut self, writer: usize, batch: &Batch) -> Option<Vec<i64>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.writers[writer].post(self.service.address(), batch) {
                Response::Stored { ids, replayed } => {
                    self.tally.replayed += usize::from(replayed);
                    return Some(ids);
                }
                Response::Rejected(_) if batch.is_invalid => {
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

    /// Compares all journals, as they are on disk, with the stored rows.
    fn finish(mut self) -> Outcome {
        let mut acknowledged = HashMap::new();
        for writer in &self.writers {
            acknowledged.extend(writer.journal.read());
        }
        let last = compare(self.cluster, &self.batches, &acknowledged);
        self.violations.extend(last);
        let stored_in_doubt = stored_ids(self.cluster, &self.in_doubt);
        let in_doubt = compare(self.cluster, &self.in_doubt, &stored_in_doubt);
        self.violations.extend(in_doubt);
        let events = self.cluster.count("device_events");
        let directory = std::mem::take(&mut self.directory);
        std::fs::remove_dir_all(directory).expect("the temporary directory is writable");
        let summary = self.summary(stored_in_doubt.len(), events);
        let stored = self.tally.acknowledged + stored_in_doubt.len();
        if self.violations.is_empty() && self.tally.failed == 0 && events as usize == stored {
            Ok(summary)
        } else {
            Err(summary)
        }
    }

    fn summary(&self, stored_in_doubt: usize, events: i64) -> String {
        let Tally {
            faults,
            acknowledged,
            acknowledged_without_key,
            rejected,
            not_stored,
            retried,
            replayed,
            failed,
        } = &self.tally;
        let times = |fault| faults.get(&fault).copied().unwrap_or_default();
        let Violations {
            lost,
            duplicated,
            partial,
            unexpected,
        } = &self.violations;
        format!(
            "killed:          server {}, one backend {}, postmaster and all children {}\n\
             connections cut: before COMMIT {}, during COMMIT {}, after COMMIT {}, after COMMIT \
             with an outage {}\n\
             batches:         {acknowledged} acknowledged, {rejected} rejected\n\
             retried:         {retried} with their idempotency keys; {replayed} had been stored\n\
             without a key:   {acknowledged_without_key} of the acknowledged; {not_stored} \"not stored\"; {} in \
             doubt, {} of them stored\n\
             lost:            {}\n\
             duplicated:      {}\n\
             partial:         {}\n\
             unexpected:      {} (stored despite a rejection or a \"not stored\" response)\n\
             failed:          {failed} (500, or a valid batch rejected)\n\
             audit trail:     {events} events",
            times(Fault::Server),
            times(Fault::Backend),
            times(Fault::Database),
            times(Fault::BeforeCommit),
            times(Fault::DuringCommit),
            times(Fault::AfterCommit),
            times(Fault::AfterCommitWithOutage),
            self.in_doubt.len(),
            stored_in_doubt,
            count_and_first(lost),
            count_and_first(duplicated),
            count_and_first(partial),
            count_and_first(unexpected),
        )
    }
}

fn count_and_first(keys: &[String]) -> String {
    match keys.first() {
        Some(first) => format!("{} (first: {first})", keys.len()),
        None => "0".to_owned(),
    }
}

fn print_progress(round: usize, rounds: usize, tally: &Tally) {
    if round.is_multiple_of(10) || round == rounds {
        eprintln!(
            "{round} of {rounds} crashes, {} batches acknowledged",
            tally.acknowledged
        );
    }
}
