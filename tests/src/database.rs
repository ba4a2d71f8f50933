//! Test databases: one for each test, cloned from a template that is migrated once.

use std::process::id;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devices_adapters::postgres::{grant_serving_role, migrate};
use diesel::Connection;
use diesel::pg::PgConnection;

use crate::TIMEOUT;
use crate::test_server::{PREFIX, SERVER, connect, execute, options, serving_role, texts};

/// A database for one test. `DROP DATABASE` runs when this value is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    /// `true` if every node of the cluster has a part of it.
    is_distributed: bool,
}

impl TestDatabase {
    /// Creates a database with the schema and its serving role, and without rows. If the server is
    /// the coordinator of a Citus cluster, the tables are distributed.
    pub fn new() -> Self {
        let database = Self::cloned_from(&SERVER.template, SERVER.citus.is_some());
        database.grant_serving_role();
        database
    }

    /// Creates the serving role and grants its privileges. The schema must be complete.
    pub fn grant_serving_role(&self) {
        grant_serving_role(&self.url, None).expect("the owner may create roles");
        if self.is_distributed {
            // Citus connects to the workers as the current role.
            self.execute(&format!("ALTER ROLE {} LOGIN", self.serving_role()));
        }
    }

    /// Name of the serving role.
    pub fn serving_role(&self) -> String {
        serving_role(&self.name)
    }

    /// Creates a copy of this database. Nothing may be connected to it.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::cloned_from(&self.name, self.is_distributed)
    }

    /// Creates a database without a schema, and without Citus.
    pub fn empty() -> Self {
        Self::with_options(&options())
    }

    /// Creates a database with the schema and its serving role, and without Citus.
    pub fn migrated() -> Self {
        let database = Self::empty();
        migrate(&database.url).expect("the migrations succeed");
        database.grant_serving_role();
        database
    }

    /// Creates a database without a schema, with options of `CREATE DATABASE` such as a locale.
    pub fn with_options(options: &str) -> Self {
        Self::cloned_from(&format!("template0 {options}"), false)
    }

    fn cloned_from(template: &str, is_distributed: bool) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}_{}_{number}", id());
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        if is_distributed {
            SERVER.on_all_nodes(|node| execute(node, &create));
        } else {
            SERVER.execute(&create);
        }
        let url = SERVER.url_for(&name);
        Self {
            name,
            url,
            is_distributed,
        }
    }

    /// Connection URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection.
    pub fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url).expect("the test database is reachable")
    }

    /// Executes statements.
    pub fn execute(&self, sql: &str) {
        execute(&mut self.connect(), sql);
    }

    /// Returns the first column of a query as texts.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        texts(&mut self.connect(), sql)
    }

    /// Counts the rows of a table, or of a table with a `WHERE` clause.
    pub fn count(&self, table: &str) -> u64 {
        let count = self.texts(&format!("SELECT count(*) FROM {table}"));
        count[0].parse().expect("a count is a number")
    }

    /// Locks a table in ACCESS EXCLUSIVE mode until the returned connection is dropped.
    pub fn lock(&self, table: &str) -> PgConnection {
        let mut connection = self.connect();
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        execute(&mut connection, &lock);
        connection
    }

    /// Waits until exactly one statement on this database waits for a lock.
    pub fn wait_for_blocked_statement(&self) {
        let deadline = Instant::now() + TIMEOUT;
        while self.count_blocked_statements() != 1 {
            assert!(Instant::now() < deadline, "no statement waits for a lock");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the number of statements on this database that wait for a lock, on all nodes.
    pub fn count_blocked_statements(&self) -> usize {
        let blocked = "pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        self.count_on_all_nodes(blocked)
    }

    /// Adds up the rows of a view of PostgreSQL on all nodes. Views of the coordinator do not show
    /// the shards of distributed tables, which are called `TABLE_NUMBER`.
    pub fn count_on_all_nodes(&self, view: &str) -> usize {
        let rows = format!("SELECT 1 FROM {view}");
        let count = |url: &String| {
            let mut connection = connect(url);
            // Otherwise, Citus hides the shards.
            execute(&mut connection, "SET citus.override_table_visibility = off");
            texts(&mut connection, &rows).len()
        };
        self.node_urls().iter().map(count).sum()
    }

    /// Creates a trigger that runs `action` at the end of each transaction with a batch. On a
    /// cluster, that is the first phase of its commit.
    pub fn run_at_commit(&self, action: &str) {
        let mut connection = self.connect();
        for statement in [
            "SET citus.enable_unsafe_triggers = on",
            &format!(
                "CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN {action} RETURN NULL; END $$"
            ),
            "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON device_events \
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_commit()",
        ] {
            execute(&mut connection, statement);
        }
    }

    /// URLs of the database on all nodes of the cluster, or only its URL.
    fn node_urls(&self) -> Vec<String> {
        let mut urls = vec![self.url.clone()];
        if let Some(citus) = SERVER.citus.as_ref().filter(|_| self.is_distributed) {
            urls.extend(citus.worker_urls(&self.url));
        }
        urls
    }

    /// Waits until another session on this database meets a condition on `pg_stat_activity`.
    pub fn wait_for_session(&self, condition: &str) {
        let sessions = format!(
            "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND {condition}"
        );
        let deadline = Instant::now() + TIMEOUT;
        while self.count(&sessions) == 0 {
            assert!(Instant::now() < deadline, "no session: {condition}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until no other connection to this database is open.
    pub fn wait_for_other_connections_to_end(&self) {
        self.wait_until(
            "SELECT count(*) = 0 FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid() \
               AND backend_type = 'client backend'",
        );
    }

    /// Waits until a query returns true.
    pub fn wait_until(&self, condition: &str) {
        let mut connection = self.connect();
        let condition = format!("SELECT ({condition})::text");
        let deadline = Instant::now() + TIMEOUT;
        while texts(&mut connection, &condition) != ["true"] {
            assert!(Instant::now() < deadline, "still false: {condition}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Changes the default of a setting for new connections. Terminates existing connections.
    pub fn set_default(&self, setting: &str, value: &str) {
        let name = &self.name;
        let set = format!("ALTER DATABASE {name} SET {setting} = {value}");
        if self.is_distributed {
            SERVER.on_all_nodes(|node| execute(node, &set));
        } else {
            SERVER.execute(&set);
        }
        self.disconnect();
    }

    /// Rejects new connections and terminates existing ones.
    pub fn reject_connections(&self) {
        self.allow_connections(false);
        self.disconnect();
    }

    fn disconnect(&self) {
        SERVER.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ));
    }

    /// Accepts connections again.
    pub fn accept_connections(&self) {
        self.allow_connections(true);
    }

    fn allow_connections(&self, allow: bool) {
        let name = &self.name;
        SERVER.execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}"));
    }
}

impl Default for TestDatabase {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        SERVER.drop_database(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_databases_are_isolated() {
        let (first, second) = (TestDatabase::new(), TestDatabase::new());
        first.execute("INSERT INTO workspaces (name) VALUES ('acme')");
        assert_eq!(
            (first.count("workspaces"), second.count("workspaces")),
            (1, 0)
        );
    }
}
