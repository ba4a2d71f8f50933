//! Eight writers, and everything killed under them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use devices_tests::{Cluster, Proxy, Service, Treatment, prepare};
use rand::RngExt;
use rand::seq::SliceRandom;

use crate::Outcome;
use crate::batches::{Batch, Journal, Wrongs, compare};
use crate::client::{Client, Told};

const WRITERS: usize = 8;

/// What is done to the service while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fault {
    /// The server is killed.
    Server,
    /// A process of PostgreSQL's that serves a connection is killed; PostgreSQL recovers.
    Backend,
    /// The postmaster and all its children are killed.
    Database,
    /// A connection is cut before PostgreSQL hears COMMIT.
    BeforeCommit,
    /// A connection is cut while PostgreSQL commits.
    InCommit,
    /// A connection is cut when PostgreSQL has committed.
    AfterCommit,
    /// So it is, and nothing comes through for a while.
    AfterCommitForLong,
}

/// Kills in random order: 100 servers, 30 backends and 30 databases where `share` takes all.
pub(crate) fn run(cluster: &Cluster, share: impl Fn(usize) -> usize) -> Outcome {
    let mut faults = Vec::new();
    for (fault, full) in [
        (Fault::Server, 100),
        (Fault::Backend, 30),
        (Fault::Database, 30),
        (Fault::BeforeCommit, 20),
        (Fault::InCommit, 20),
        (Fault::AfterCommit, 20),
        (Fault::AfterCommitForLong, 20),
    ] {
        faults.extend(std::iter::repeat_n(fault, share(full)));
    }
    faults.shuffle(&mut rand::rng());
    let mut crashes = Crashes::begin(cluster);
    for (round, fault) in faults.iter().enumerate() {
        crashes.round(*fault);
        progress(round + 1, faults.len(), &crashes.tally);
    }
    crashes.end()
}

/// With `synchronous_commit = off` PostgreSQL acknowledges what it has not written yet: killing it
/// loses some of it, or this harness sees nothing.
pub(crate) fn control(cluster: &Cluster) -> Outcome {
    const ROUNDS: usize = 5;
    cluster.execute("ALTER SYSTEM SET synchronous_commit = off");
    // Else it is written within a fifth of a second, all the same.
    cluster.execute("ALTER SYSTEM SET wal_writer_delay = '10s'");
    cluster.execute("SELECT pg_reload_conf()");
    let mut crashes = Crashes::begin(cluster);
    for round in 1..=ROUNDS {
        crashes.round(Fault::Database);
        progress(round, ROUNDS, &crashes.tally);
        let lost = crashes.wrongs.lost.len();
        if lost > 0 {
            return Ok(format!(
                "with synchronous_commit = off, as it must be: {lost} acknowledged batches lost in \
                 {round} kills of the database"
            ));
        }
    }
    Err(format!(
        "{ROUNDS} kills of a database with synchronous_commit = off lost nothing: this harness does \
         not see losses"
    ))
}

#[derive(Debug, Default)]
struct Tally {
    faults: HashMap<Fault, usize>,
    acknowledged: usize,
    refused: usize,
    /// Batches whose fate the client did not know, and asked for again.
    unknown: usize,
    /// Of those, the ones that had been stored.
    replayed: usize,
    /// Answers that are none of those that a client must be ready for: a 500, or a good batch refused.
    failed: usize,
}

struct Crashes<'a> {
    cluster: &'a Cluster,
    proxy: Proxy,
    service: Service,
    client: Client,
    writers: Vec<Writer>,
    folder: PathBuf,
    batches: Vec<Batch>,
    tally: Tally,
    wrongs: Wrongs,
}

#[derive(Debug)]
struct Writer {
    number: usize,
    written: usize,
    journal: Journal,
}

/// What a writer was told in one round.
#[derive(Debug, Default)]
struct Round {
    sent: Vec<Batch>,
    acknowledged: HashMap<String, Vec<i64>>,
    refused: usize,
    /// The last one, where nobody can tell.
    unsettled: Option<(Batch, Told)>,
}

impl<'a> Crashes<'a> {
    fn begin(cluster: &'a Cluster) -> Self {
        let secret = prepare(cluster.url());
        let proxy = Proxy::to(cluster.place(), cluster.url());
        let service = Service::start(proxy.url(), &[]);
        let folder = std::env::temp_dir().join(format!("fleet-devices-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written to");
        let writer = |number| Writer {
            number,
            written: 0,
            journal: Journal::create(&folder, number),
        };
        Self {
            cluster,
            proxy,
            service,
            client: Client::new(&secret),
            writers: (0..WRITERS).map(writer).collect(),
            folder,
            batches: Vec::new(),
            tally: Tally::default(),
            wrongs: Wrongs::default(),
        }
    }

    /// The writers write until the fault has hit them; then all is started again, what nobody knows
    /// is sent again, and the journal is held against the table.
    fn round(&mut self, fault: Fault) {
        let stop = AtomicBool::new(false);
        let mut writers = std::mem::take(&mut self.writers);
        let address = self.service.address().to_owned();
        let client = self.client.clone();
        let rounds: Vec<Round> = std::thread::scope(|scope| {
            let (client, stop, address) = (&client, &stop, &address);
            let writing: Vec<_> = writers
                .iter_mut()
                .map(|writer| scope.spawn(move || writer.write(client, address, stop)))
                .collect();
            std::thread::sleep(Duration::from_millis(rand::rng().random_range(20..400)));
            self.inflict(fault);
            // Whoever was not hit goes on a little.
            std::thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::SeqCst);
            let joined = writing.into_iter().map(|one| one.join());
            joined.map(|one| one.expect("no writer panics")).collect()
        });
        self.writers = writers;
        *self.tally.faults.entry(fault).or_default() += 1;
        self.repair(fault);
        self.settle(rounds);
    }

    fn inflict(&mut self, fault: Fault) {
        let treat = |treatment| {
            self.proxy.treat(treatment);
            // Until somebody says COMMIT, and is cut.
            let deadline = Instant::now() + Duration::from_secs(10);
            while self.proxy.treatment() == treatment {
                assert!(Instant::now() < deadline, "nobody commits");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        match fault {
            Fault::Server => self.service.kill(),
            Fault::Backend => while !self.cluster.kill_a_backend() {},
            Fault::Database => self.cluster.kill(),
            Fault::BeforeCommit => treat(Treatment::CutBeforeCommit),
            Fault::InCommit => treat(Treatment::CutInCommit),
            Fault::AfterCommit => treat(Treatment::CutAfterCommit {
                and_stay_cut: false,
            }),
            Fault::AfterCommitForLong => treat(Treatment::CutAfterCommit { and_stay_cut: true }),
        }
    }

    fn repair(&mut self, fault: Fault) {
        self.proxy.treat(Treatment::HandOn);
        if fault == Fault::Database {
            self.cluster.start();
        }
        if fault == Fault::Server {
            self.service = Service::start(self.proxy.url(), &[]);
        }
    }

    fn settle(&mut self, rounds: Vec<Round>) {
        let mut sent = Vec::new();
        let mut told = HashMap::new();
        let mut unsettled = Vec::new();
        for (writer, round) in rounds.into_iter().enumerate() {
            sent.extend(round.sent);
            told.extend(round.acknowledged);
            self.tally.refused += round.refused;
            unsettled.extend(round.unsettled.map(|one| (writer, one)));
        }
        // Whoever was told that nothing was stored must be told the truth.
        let denied: Vec<Batch> = unsettled
            .iter()
            .filter(|(_, (_, told))| matches!(told, Told::NothingStored))
            .map(|(_, (batch, _))| batch.clone())
            .collect();
        self.wrongs.add(compare(self.cluster, &denied, &told));
        for (writer, (batch, told_first)) in unsettled {
            self.tally.unknown += 1;
            self.tally.failed += usize::from(matches!(told_first, Told::Failed | Told::Refused(_)));
            if let Some(ids) = self.ask_again(&batch) {
                self.writers[writer].journal.acknowledge(&batch.key, &ids);
                told.insert(batch.key, ids);
            }
        }
        self.tally.acknowledged += told.len();
        self.wrongs.add(compare(self.cluster, &sent, &told));
        self.batches.extend(sent);
    }

    /// Sends a batch again, with its key, until it is told what became of it: the ids of what is
    /// stored.
    fn ask_again(&mut self, batch: &Batch) -> Option<Vec<i64>> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let body = batch.body();
        loop {
            let address = self.service.address();
            match self.client.post(address, &batch.key, &body) {
                Told::Stored { ids, replayed } => {
                    self.tally.replayed += usize::from(replayed);
                    return Some(ids);
                }
                Told::Refused(_) if batch.is_bad => {
                    self.tally.refused += 1;
                    return None;
                }
                told => assert!(Instant::now() < deadline, "{told:?} for {}", batch.key),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Holds all journals, as they lie on disk, against the table.
    fn end(mut self) -> Outcome {
        let mut told = HashMap::new();
        for writer in &self.writers {
            told.extend(writer.journal.read());
        }
        let last = compare(self.cluster, &self.batches, &told);
        self.wrongs.add(last);
        let events = self.cluster.count("device_events");
        let folder = std::mem::take(&mut self.folder);
        std::fs::remove_dir_all(folder).expect("the temporary folder can be written to");
        let Tally {
            faults,
            acknowledged,
            refused,
            unknown,
            replayed,
            failed,
        } = &self.tally;
        let times = |fault| faults.get(&fault).copied().unwrap_or_default();
        let Wrongs {
            lost,
            duplicated,
            partial,
            belied,
        } = &self.wrongs;
        let said = format!(
            "killed:       server {}, one backend {}, postmaster and all children {}\n\
             cut:          before COMMIT {}, in COMMIT {}, after COMMIT {}, after COMMIT and for long {}\n\
             batches:      acknowledged {acknowledged}, refused {refused}\n\
             unknown:      {unknown} were sent again with their keys; {replayed} of them had been stored\n\
             lost:         {}\n\
             duplicated:   {}\n\
             partial:      {}\n\
             told wrongly: {} (said to be refused or not stored, and stored)\n\
             otherwise:    {failed} (500, or a good batch refused)\n\
             audit trail:  {events} events",
            times(Fault::Server),
            times(Fault::Backend),
            times(Fault::Database),
            times(Fault::BeforeCommit),
            times(Fault::InCommit),
            times(Fault::AfterCommit),
            times(Fault::AfterCommitForLong),
            keys(lost),
            keys(duplicated),
            keys(partial),
            keys(belied),
        );
        match self.wrongs.is_none() && *failed == 0 && events as usize == *acknowledged {
            true => Ok(said),
            false => Err(said),
        }
    }
}

/// How many, and the first of them.
fn keys(keys: &[String]) -> String {
    match keys.first() {
        Some(first) => format!("{}, {first} first", keys.len()),
        None => "0".to_owned(),
    }
}

fn progress(round: usize, rounds: usize, tally: &Tally) {
    if round.is_multiple_of(10) || round == rounds {
        eprintln!(
            "{round} of {rounds} crashes; {} batches",
            tally.acknowledged
        );
    }
}

impl Writer {
    /// Until it is told to stop, or is told nothing.
    fn write(&mut self, client: &Client, address: &str, stop: &AtomicBool) -> Round {
        let mut round = Round::default();
        while !stop.load(Ordering::SeqCst) {
            let batch = self.next();
            round.sent.push(batch.clone());
            match client.post(address, &batch.key, &batch.body()) {
                Told::Stored { ids, .. } => {
                    self.journal.acknowledge(&batch.key, &ids);
                    round.acknowledged.insert(batch.key, ids);
                }
                Told::Refused(_) if batch.is_bad => round.refused += 1,
                told => {
                    round.unsettled = Some((batch, told));
                    break;
                }
            }
        }
        round
    }

    fn next(&mut self) -> Batch {
        self.written += 1;
        Batch {
            key: format!("W{}-{}", self.number, self.written),
            rows: rand::rng().random_range(1..40),
            is_bad: self.written.is_multiple_of(20),
        }
    }
}
