//! Databases: one a test, cloned from a template that is migrated once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::{Command, id};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};

use crate::PATIENCE;

const PREFIX: &str = "devices_test";

/// A database of one test's own, dropped with it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
}

impl TestDatabase {
    /// A database with the schema and no rows.
    pub fn new() -> Self {
        Self::cloned_from(&SERVER.template)
    }

    /// A database without a schema.
    pub fn empty() -> Self {
        Self::cloned_from("template0")
    }

    fn cloned_from(template: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}_{}_{number}", id());
        SERVER.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let url = SERVER.url_of(&name);
        Self { name, url }
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection of the test's own.
    pub fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url).expect("the test's database can be reached")
    }

    /// Runs statements.
    pub fn execute(&self, sql: &str) {
        execute(&mut self.connect(), sql);
    }

    /// The first column of a query's rows, as text.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        texts(&mut self.connect(), sql)
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> u64 {
        let counted = self.texts(&format!("SELECT count(*) FROM {table}"));
        counted[0].parse().expect("a count is a number")
    }

    /// Keeps everybody else from a table until what is returned is dropped.
    pub fn lock(&self, table: &str) -> PgConnection {
        let mut connection = self.connect();
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        execute(&mut connection, &lock);
        connection
    }

    /// Waits until a statement on it waits for a lock that another holds.
    pub fn wait_until_one_is_blocked(&self) {
        let mut connection = self.connect();
        let blocked = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let deadline = Instant::now() + PATIENCE;
        while texts(&mut connection, blocked) != ["1"] {
            assert!(Instant::now() < deadline, "no statement waits for a lock");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Gives connections another default of a setting; those that are there end.
    pub fn set_default(&self, setting: &str, value: &str) {
        let name = &self.name;
        SERVER.execute(&format!("ALTER DATABASE {name} SET {setting} = {value}"));
        self.disconnect();
    }

    /// Takes the database away from everyone who uses it, and lets nobody in.
    pub fn close(&self) {
        self.admit(false);
        self.disconnect();
    }

    fn disconnect(&self) {
        SERVER.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    /// Lets everyone in again.
    pub fn open(&self) {
        self.admit(true);
    }

    fn admit(&self, anyone: bool) {
        let name = &self.name;
        SERVER.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {anyone}"));
    }
}

impl Default for TestDatabase {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        SERVER.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let query = format!("SELECT column1::text AS text FROM ({sql}) AS query (column1)");
    let rows: Vec<TextRow> = sql_query(query)
        .load(connection)
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter().map(|row| row.text).collect()
}

/// Runs statements on a connection, such as one that holds a transaction open.
pub fn execute(connection: &mut PgConnection, sql: &str) {
    let ran = connection.batch_execute(sql);
    ran.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A URL with these parameters, too: the last one of a name is the one that counts.
pub(crate) fn with_parameters(url: &str, parameters: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{parameters}")
}

/// Runs statements beside every test's database.
pub(crate) fn on_the_server(sql: &str) {
    SERVER.execute(sql);
}

/// The PostgreSQL that the tests run on.
struct TestServer {
    url: String,
    template: String,
}

static SERVER: LazyLock<TestServer> = LazyLock::new(TestServer::prepare);

impl TestServer {
    /// `DEVICES__DATABASE__URL` where that is set, else the checkout's own, which is started.
    fn prepare() -> Self {
        let given = std::env::var("DEVICES__DATABASE__URL").ok();
        let server = Self {
            url: given.clone().unwrap_or_else(start_own),
            template: format!("{PREFIX}_template_{:016x}", schema_hash()),
        };
        if given.is_none() {
            server.drop_leftovers();
        }
        server.prepare_template();
        server
    }

    /// The first process makes it, while the others wait.
    fn prepare_template(&self) {
        const LOCK: i64 = 0x7465_6d70_6c61_7465;
        let mut connection = self.connect();
        let mut execute = |sql: &str| execute(&mut connection, sql);
        execute(&format!("SELECT pg_advisory_lock({LOCK})"));
        if !self.databases().contains(&self.template) {
            let unfinished = format!("{}_unfinished", self.template);
            execute(&format!("DROP DATABASE IF EXISTS {unfinished}"));
            execute(&format!("CREATE DATABASE {unfinished} TEMPLATE template0"));
            devices_adapters::postgres::migrate(&self.url_of(&unfinished))
                .expect("the migrations run");
            execute(&format!(
                "ALTER DATABASE {unfinished} RENAME TO {}",
                self.template
            ));
        }
    }

    /// Drops the databases, and their users, of test processes that were killed: on the checkout's
    /// own server, whose processes all run on this machine.
    fn drop_leftovers(&self) {
        let names = format!(
            "SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%' \
             UNION SELECT rolname FROM pg_roles WHERE rolname LIKE '{PREFIX}%'"
        );
        for name in texts(&mut self.connect(), &names) {
            let process = name
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.trim_start_matches('_').split_once('_'))
                .and_then(|(process, _)| process.parse::<u32>().ok());
            let lives = |process: u32| {
                let asked = Command::new("kill")
                    .args(["-0", &process.to_string()])
                    .output();
                asked.is_ok_and(|asked| asked.status.success())
            };
            if process.is_some_and(|process| !lives(process)) {
                self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                self.execute(&format!("DROP ROLE IF EXISTS {name}"));
            }
        }
    }

    fn databases(&self) -> Vec<String> {
        texts(
            &mut self.connect(),
            &format!("SELECT datname FROM pg_database WHERE datname LIKE '{PREFIX}%'"),
        )
    }

    fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap_or_else(|error| panic!("{}: {error}", self.url))
    }

    fn execute(&self, sql: &str) {
        execute(&mut self.connect(), sql);
    }

    /// The server's URL with another database in it.
    fn url_of(&self, database: &str) -> String {
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

fn start_own() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
    let started = Command::new(script).arg("start").output();
    let started = started.expect("scripts/postgres can be run");
    let errors = String::from_utf8_lossy(&started.stderr);
    assert!(started.status.success(), "{errors}");
    let output = String::from_utf8_lossy(&started.stdout).into_owned();
    output
        .lines()
        .last()
        .expect("its last line is a URL")
        .to_owned()
}

/// Another schema, or other rights on it, get another template.
fn schema_hash() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let entries = |folder: &Path| {
        let read = std::fs::read_dir(folder).expect("migrations can be read");
        let mut paths: Vec<_> = read
            .map(|entry| entry.expect("migrations can be read").path())
            .collect();
        paths.sort();
        paths
    };
    let rights = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/adapters/src/postgres/schema/serving_role.sql");
    let mut hasher = DefaultHasher::new();
    let rights = std::fs::read_to_string(rights).expect("the rights can be read");
    rights.hash(&mut hasher);
    for file in entries(&folder).iter().flat_map(|folder| entries(folder)) {
        let sql = std::fs::read_to_string(&file).expect("migrations can be read");
        (file.file_name(), sql).hash(&mut hasher);
    }
    hasher.finish()
}
