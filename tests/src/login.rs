//! Users of the database's server.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::TestDatabase;
use crate::database::{on_the_server, with_parameters};

/// A user of the server for one test, dropped with it.
#[derive(Debug)]
pub struct Login {
    name: String,
    url: String,
}

impl Login {
    /// Who is a member of these roles, and reaches this database.
    pub fn with(database: &TestDatabase, roles: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_login_{number}", database.name());
        on_the_server(&format!(
            "CREATE ROLE {name} LOGIN; GRANT {roles} TO {name}"
        ));
        let url = with_parameters(database.url(), &format!("user={name}"));
        Self { name, url }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database, as this user reaches it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets it have so many connections, from none on; those that it has are ended.
    pub fn limit_connections(&self, most: Option<u32>) {
        let most = most.map_or(-1, i64::from);
        on_the_server(&format!("ALTER ROLE {} CONNECTION LIMIT {most}", self.name));
        self.disconnect();
    }

    fn disconnect(&self) {
        on_the_server(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{}'",
            self.name
        ));
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.disconnect();
        on_the_server(&format!("DROP ROLE {}", self.name));
    }
}
