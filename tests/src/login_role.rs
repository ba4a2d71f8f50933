//! Login roles of the test PostgreSQL.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::TestDatabase;
use crate::test_server::{SERVER, drop_role, execute, execute_on_server, with_parameters};

/// A login role for one test. `DROP ROLE` runs when this value is dropped.
#[derive(Debug)]
pub struct LoginRole {
    name: String,
    url: String,
    database: String,
}

impl LoginRole {
    /// Creates a role that may serve the database.
    pub fn serving(database: &TestDatabase) -> Self {
        Self::member_of(database, &database.serving_role())
    }

    /// Creates a role that is a member of `roles` (separated by commas) and may connect.
    pub fn member_of(database: &TestDatabase, roles: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_login_{number}", database.name());
        // In this database, because a cluster then creates the role on each node.
        database.execute(&format!(
            "CREATE ROLE {name} LOGIN; GRANT {roles} TO {name}; \
             GRANT CONNECT ON DATABASE {database} TO {name}",
            database = database.name()
        ));
        let url = with_parameters(database.url(), &format!("user={name}"));
        let database = database.name().to_owned();
        Self {
            name,
            url,
            database,
        }
    }

    /// Name of the role.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connection URL of the database with this role.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Limits the connections of the role; `None` removes the limit. Terminates its connections.
    pub fn limit_connections(&self, max: Option<u32>) {
        let max = max.map_or(-1, i64::from);
        execute_on_server(&format!("ALTER ROLE {} CONNECTION LIMIT {max}", self.name));
        self.disconnect();
    }

    fn disconnect(&self) {
        execute_on_server(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            self.name
        ));
    }
}

impl Drop for LoginRole {
    fn drop(&mut self) {
        self.disconnect();
        let Self { name, database, .. } = self;
        // The database may have been dropped before.
        let revoke = format!(
            "DO $$ BEGIN \
                 IF EXISTS (SELECT FROM pg_database WHERE datname = '{database}') THEN \
                     REVOKE CONNECT ON DATABASE {database} FROM {name}; \
                 END IF; \
             END $$"
        );
        SERVER.on_all_nodes(|node| {
            execute(node, &revoke);
            drop_role(node, name);
        });
    }
}
