//! The PostgreSQL server of the tests: that of `DEVICES__DATABASE__URL`, or the private one of the
//! checkout.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};

use crate::TIMEOUT;
use crate::citus::{self, Citus};

/// Beginning of the names of test databases.
pub(crate) const PREFIX: &str = "devices_test";

/// Beginning of each entry of the log: time, process, database and application. Other lines
/// continue an entry.
const LINE_PREFIX: &str = "%m [%p] %d/%a ";

/// The PostgreSQL server of the tests.
pub(crate) struct TestServer {
    url: String,
    /// The cluster, if the server is the coordinator of one.
    pub(crate) citus: Option<Citus>,
    /// Name of the migrated database that test databases are cloned from.
    pub(crate) template: String,
}

pub(crate) static SERVER: LazyLock<TestServer> = LazyLock::new(TestServer::prepare);

impl TestServer {
    /// Uses the server of `DEVICES__DATABASE__URL`, if set. Otherwise starts the private one of the
    /// checkout.
    fn prepare() -> Self {
        let url = configured_url().unwrap_or_else(|| private_postgres("start"));
        let citus = Citus::of_coordinator(&mut connect(&url));
        let server = Self {
            template: format!("{PREFIX}_template_{:016x}", schema_hash(citus.is_some())),
            url,
            citus,
        };
        if uses_private_server() {
            server.drop_leftovers();
            server.set_log_prefix();
        }
        server.prepare_template();
        server
    }

    /// Creates the template, unless it exists. Other processes wait for an advisory lock.
    fn prepare_template(&self) {
        const LOCK: i64 = 0x7465_6d70_6c61_7465;
        let mut connection = self.connect();
        execute(&mut connection, &format!("SELECT pg_advisory_lock({LOCK})"));
        if self.databases().contains(&self.template) {
            return;
        }
        let unfinished = format!("{}_unfinished", self.template);
        let url = self.url_for(&unfinished);
        self.on_all_nodes(|node| citus::drop_database(node, &unfinished));
        let create = format!(
            "CREATE DATABASE {unfinished} TEMPLATE template0 {}",
            options()
        );
        self.on_all_nodes(|node| execute(node, &create));
        if let Some(citus) = &self.citus {
            citus.connect_nodes(&url);
        }
        devices_adapters::postgres::migrate(&url).expect("the migrations succeed");
        if let Some(citus) = &self.citus {
            citus.distribute(&url);
        }
        // The coordinator is last: its template shows that those of all nodes are complete.
        self.on_all_nodes(|node| citus::rename_to_template(node, &unfinished, &self.template));
    }

    /// Runs a function with a connection to each node of the cluster at the same time, and then
    /// with one to this server. Without a cluster, only with that.
    pub(crate) fn on_all_nodes(&self, run: impl Fn(&mut PgConnection) + Sync) {
        let citus = self.citus.iter();
        let workers: Vec<_> = citus
            .flat_map(|citus| citus.worker_urls(&self.url))
            .collect();
        std::thread::scope(|scope| {
            for url in &workers {
                scope.spawn(|| run(&mut connect(url)));
            }
        });
        run(&mut self.connect());
    }

    /// Drops the databases and roles of test processes that were killed. Safe only on the private
    /// server of the checkout: all its clients run on this machine.
    fn drop_leftovers(&self) {
        let names = format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%' \
             UNION SELECT rolname FROM pg_roles \
             WHERE rolname LIKE '{PREFIX}%' OR rolname LIKE '{}%' ORDER BY 1",
            serving_role(PREFIX)
        );
        // A database comes before the login roles that have privileges on it.
        for name in texts(&mut self.connect(), &names) {
            let name = name.strip_prefix(&serving_role("")).unwrap_or(&name);
            let pid = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.trim_start_matches('_').split_once('_'))
                .and_then(|(pid, _)| pid.parse::<u32>().ok());
            let is_running = |pid: u32| {
                let output = Command::new("kill").args(["-0", &pid.to_string()]).output();
                output.is_ok_and(|output| output.status.success())
            };
            if pid.is_some_and(|pid| !is_running(pid)) {
                self.drop_database(name);
                self.execute(&format!("DROP ROLE IF EXISTS {name}"));
            }
        }
    }

    /// Adds the database and the application to each entry of the log.
    fn set_log_prefix(&self) {
        let current = || {
            texts(
                &mut self.connect(),
                "SELECT current_setting('log_line_prefix')",
            )
        };
        if current() == [LINE_PREFIX] {
            return;
        }
        self.execute(&format!(
            "ALTER SYSTEM SET log_line_prefix = '{LINE_PREFIX}'"
        ));
        self.execute("SELECT pg_reload_conf()");
        let deadline = Instant::now() + TIMEOUT;
        while current() != [LINE_PREFIX] {
            assert!(Instant::now() < deadline, "the server does not reload");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Drops a database and its serving role.
    pub(crate) fn drop_database(&self, name: &str) {
        self.on_all_nodes(|node| {
            citus::drop_database(node, name);
            drop_role(node, &serving_role(name));
        });
    }

    fn databases(&self) -> Vec<String> {
        texts(
            &mut self.connect(),
            &format!("SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'"),
        )
    }

    fn connect(&self) -> PgConnection {
        connect(&self.url)
    }

    pub(crate) fn execute(&self, sql: &str) {
        execute(&mut self.connect(), sql);
    }

    /// Returns the URL of the server with another database.
    pub(crate) fn url_for(&self, database: &str) -> String {
        let (address, parameters) = match self.url.split_once('?') {
            Some((address, parameters)) => (address, format!("?{parameters}")),
            None => (self.url.as_str(), String::new()),
        };
        let after_scheme = address.find("://").map_or(0, |at| at + "://".len());
        let server = match address[after_scheme..].find('/') {
            Some(slash) => &address[..after_scheme + slash],
            None => address,
        };
        format!("{server}/{database}{parameters}")
    }
}

pub(crate) fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Drops a role. A role with privileges in a copy of its database stays, which does not fail a
/// test.
pub(crate) fn drop_role(connection: &mut PgConnection, name: &str) {
    let dropped = connection.batch_execute(&format!("DROP ROLE IF EXISTS {name}"));
    if let Err(error) = dropped {
        eprintln!("{name}: {error}");
    }
}

/// Returns the URL of a server that the tests use instead of the private one.
fn configured_url() -> Option<String> {
    std::env::var("DEVICES__DATABASE__URL").ok()
}

/// Returns whether the tests use the private server of the checkout.
pub(crate) fn uses_private_server() -> bool {
    configured_url().is_none()
}

/// Runs a command of the private server of the checkout. Returns the last line of its output.
pub(crate) fn private_postgres(command: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    let output = Command::new(script).arg(command).output();
    let output = output.expect("scripts/postgres can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    stdout
        .lines()
        .last()
        .expect("the command prints a line")
        .to_owned()
}

/// Returns the options of `CREATE DATABASE` for all test databases. `make test-locales` sets them,
/// to run the tests in other locales than the server's.
pub(crate) fn options() -> String {
    std::env::var("TEST_DATABASE_OPTIONS").unwrap_or_default()
}

/// Hash of the migrations, of the options of the databases, and of whether the tables are
/// distributed. Every hash has a template of its own.
fn schema_hash(is_distributed: bool) -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let entries = |folder: &Path| {
        let read = std::fs::read_dir(folder).expect("migrations can be read");
        let mut paths: Vec<_> = read
            .map(|entry| entry.expect("migrations can be read").path())
            .collect();
        paths.sort();
        paths
    };
    let mut hasher = DefaultHasher::new();
    options().hash(&mut hasher);
    is_distributed
        .then_some(citus::DISTRIBUTE)
        .hash(&mut hasher);
    for file in entries(&folder).iter().flat_map(|folder| entries(folder)) {
        let sql = std::fs::read_to_string(&file).expect("migrations can be read");
        (file.file_name(), sql).hash(&mut hasher);
    }
    hasher.finish()
}

/// Returns the name of the serving role of a database.
pub(crate) fn serving_role(database: &str) -> String {
    format!("fleet_devices_serving_{database}")
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Returns the first column of a query as texts.
pub(crate) fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let query = format!("SELECT column1::text AS text FROM ({sql}) AS query (column1)");
    let rows: Vec<TextRow> = sql_query(query)
        .load(connection)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.text).collect()
}

/// Executes statements on a connection, for example one with an open transaction.
pub fn execute(connection: &mut PgConnection, sql: &str) {
    let result = connection.batch_execute(sql);
    result.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Executes statements on the test server, outside of the test databases.
pub(crate) fn execute_on_server(sql: &str) {
    SERVER.execute(sql);
}

/// Appends parameters to a URL. They override earlier ones: libpq uses the last value of a name.
pub(crate) fn with_parameters(url: &str, parameters: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameters}")
}
