//! PostgreSQL of the run: a private server, or the database of `--database`.

use devices_tests::Cluster;

use crate::references::connect;

#[derive(Debug)]
pub(crate) struct PostgresServer {
    /// `None` with `--database`. Dropping it stops the server.
    private: Option<Cluster>,
    url: String,
}

impl PostgresServer {
    pub(crate) fn start(database: Option<&str>) -> Self {
        if let Some(url) = database {
            let url = url.to_owned();
            return Self { private: None, url };
        }
        eprintln!("starting PostgreSQL");
        let cluster = Cluster::create("bench");
        let url = cluster.url().to_owned();
        Self {
            private: Some(cluster),
            url,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Creates a database on the private server and returns its URL. `definition` is its name and
    /// options. Returns the URL of `--database` if there is one.
    pub(crate) fn create_database(&self, definition: &str) -> String {
        if self.private.is_none() {
            return self.url.clone();
        }
        let name = definition.split(' ').next().unwrap_or_default();
        execute(&self.url, &format!("DROP DATABASE IF EXISTS {name}"));
        execute(&self.url, &format!("CREATE DATABASE {definition}"));
        self.url.replace("/devices?", &format!("/{name}?"))
    }

    /// Process id of the postmaster, if the server is the private one.
    pub(crate) fn postmaster(&self) -> Option<String> {
        self.private.as_ref().map(Cluster::postmaster_pid)
    }
}

pub(crate) fn execute(url: &str, sql: &str) {
    let executed = connect(url).batch_execute(sql);
    executed.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs a checkpoint, so that none is due during the next window.
pub(crate) fn checkpoint(url: &str) {
    // Requires a privilege that the role of `--database` may lack.
    drop(connect(url).batch_execute("CHECKPOINT"));
}
