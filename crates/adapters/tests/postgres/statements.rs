//! Checks that every statement of these tests is limited to one workspace, and that Citus can run
//! it.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use devices_tests::{TestDatabase, WORKSPACE_TABLES, statement_violations};
use tracing::Event;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::{TestStore, block_on, device};

static STATEMENT_COUNT: AtomicUsize = AtomicUsize::new(0);
static VIOLATIONS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Starts to check every statement that is logged.
pub(crate) fn start_checking() {
    static CHECKER: LazyLock<()> =
        LazyLock::new(|| tracing_subscriber::registry().with(Checker).init());
    LazyLock::force(&CHECKER);
}

/// Fails if any statement so far broke a rule, whichever test sent it.
pub(crate) fn assert_no_violations() {
    let violations = VIOLATIONS.lock().unwrap().clone();
    assert!(violations.is_empty(), "{violations:?}");
}

struct Checker;

impl Layer<Registry> for Checker {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
        event.record(&mut Self);
    }
}

impl Visit for Checker {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "statement" {
            STATEMENT_COUNT.fetch_add(1, Ordering::Relaxed);
            VIOLATIONS
                .lock()
                .unwrap()
                .extend(statement_violations(value));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

#[test]
fn statements_are_checked() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        assert_ne!(STATEMENT_COUNT.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn tenant_tables_are_all_listed() {
    let tables = TestDatabase::new().texts(
        "SELECT relname FROM pg_class
         WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace
           AND relname NOT IN ('workspaces', '__diesel_schema_migrations') ORDER BY relname",
    );
    assert_eq!(tables, WORKSPACE_TABLES);
}
