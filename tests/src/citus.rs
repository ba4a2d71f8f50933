//! The workers of a Citus cluster, if the test server is its coordinator.
//!
//! A database with distributed tables consists of one database per node. Copies of all of them,
//! with the same name on each node, are such a database again: `CREATE DATABASE .. TEMPLATE` also
//! copies the tables in which Citus keeps its metadata.

use std::time::Instant;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use crate::TIMEOUT;
use crate::test_server::{connect, execute, texts, with_parameters};

/// Distributes the tables.
pub(crate) const DISTRIBUTE: &str = include_str!("../../scripts/distribute.sql");

/// The nodes of a cluster, by the addresses that the coordinator has for them.
pub(crate) struct Citus {
    coordinator: Option<Address>,
    workers: Vec<Address>,
}

struct Address {
    host: String,
    port: String,
}

impl Citus {
    /// Returns the cluster whose coordinator has the database at `url`. Returns `None` if that
    /// database has no Citus, or no workers.
    pub(crate) fn of_coordinator(connection: &mut PgConnection) -> Option<Self> {
        if texts(connection, "SELECT to_regclass('pg_dist_node') IS NOT NULL") != ["true"] {
            return None;
        }
        let mut addresses = |condition: &str| -> Vec<Address> {
            let nodes = format!(
                "SELECT nodename || ' ' || nodeport FROM pg_dist_node \
                 WHERE noderole = 'primary' AND isactive AND {condition} ORDER BY nodeid"
            );
            let nodes = texts(connection, &nodes);
            nodes
                .iter()
                .filter_map(|node| Address::parse(node))
                .collect()
        };
        let workers = addresses("groupid <> 0");
        let coordinator = addresses("groupid = 0").pop();
        (!workers.is_empty()).then_some(Self {
            coordinator,
            workers,
        })
    }

    /// Returns the URLs of this database on the workers.
    pub(crate) fn worker_urls(&self, url: &str) -> Vec<String> {
        let urls = self.workers.iter().map(|worker| {
            let Address { host, port } = worker;
            with_parameters(url, &format!("host={host}&port={port}"))
        });
        urls.collect()
    }

    /// Connects the databases at `url` on all nodes. They must exist, and be empty.
    pub(crate) fn connect_nodes(&self, url: &str) {
        let urls = self.worker_urls(url);
        for url in urls.iter().map(String::as_str).chain([url]) {
            execute(&mut connect(url), "CREATE EXTENSION citus");
        }
        let mut coordinator = connect(url);
        if let Some(Address { host, port }) = &self.coordinator {
            let sql = format!("SELECT citus_set_coordinator_host('{host}', {port})");
            execute(&mut coordinator, &sql);
        }
        for Address { host, port } in &self.workers {
            let sql = format!("SELECT citus_add_node('{host}', {port})");
            execute(&mut coordinator, &sql);
        }
    }

    /// Distributes the tables at `url`. A few shards are enough to have some on each node, and are
    /// copied faster than the default of 32.
    pub(crate) fn distribute(&self, url: &str) {
        let mut connection = connect(url);
        let shard_count = 2 * self.workers.len();
        execute(
            &mut connection,
            &format!("SET client_min_messages = error; SET citus.shard_count = {shard_count}"),
        );
        execute(&mut connection, DISTRIBUTE);
    }
}

/// Renames a database, and makes it a template that nothing connects to. `connection` is to another
/// database of the same node.
pub(crate) fn rename_to_template(connection: &mut PgConnection, from: &str, to: &str) {
    // The maintenance daemon of Citus connects to each database with the extension, again and
    // again, unless the database rejects connections.
    execute(
        connection,
        &format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false"),
    );
    let disconnect =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'");
    let rename = format!("ALTER DATABASE {from} RENAME TO {to}");
    retry(|| {
        connection.batch_execute(&disconnect)?;
        connection.batch_execute(&rename)
    });
}

/// Drops a database. Fails while a daemon that is being terminated is still connected, and tries
/// again.
pub(crate) fn drop_database(connection: &mut PgConnection, name: &str) {
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    retry(|| connection.batch_execute(&sql));
}

fn retry(mut run: impl FnMut() -> diesel::QueryResult<()>) {
    let deadline = Instant::now() + TIMEOUT;
    while let Err(error) = run() {
        assert!(Instant::now() < deadline, "{error}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

impl Address {
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.split_once(' ')?;
        Some(Self {
            host: host.to_owned(),
            port: port.to_owned(),
        })
    }
}
