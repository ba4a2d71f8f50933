//! Checks that every statement of these tests is limited to one workspace, that Citus can run it,
//! and that only suitable statements are prepared.

use std::collections::BTreeSet;
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
static PREPARED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

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
    let prepared = PREPARED.lock().unwrap();
    assert!(prepared.len() < MAX_PREPARED, "{prepared:#?}");
}

/// Maximum number of different texts that the tests prepare. A connection keeps all of them, so a
/// text must not contain a value or a number of values.
const MAX_PREPARED: usize = 150;

/// Returns the reason why a statement must not be prepared. For `= ANY ($1)`, PostgreSQL keeps a
/// plan from when the table was small that compares each row of the workspace with the array.
fn unsafe_to_prepare(statement: &str) -> Option<String> {
    let has_array_condition = statement.replace("ANY ($", "ANY($").contains("= ANY($");
    has_array_condition.then(|| format!("prepared with ANY: {statement}"))
}

struct Checker;

impl Layer<Registry> for Checker {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
        event.record(&mut Self);
    }
}

impl Visit for Checker {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "statement" => {
                STATEMENT_COUNT.fetch_add(1, Ordering::Relaxed);
                VIOLATIONS
                    .lock()
                    .unwrap()
                    .extend(statement_violations(value));
            }
            "prepared" => {
                VIOLATIONS.lock().unwrap().extend(unsafe_to_prepare(value));
                PREPARED.lock().unwrap().insert(value.to_owned());
            }
            _ => {}
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
           AND relname NOT IN ('workspaces', '__diesel_schema_migrations')
           AND relname NOT LIKE 'citus%' ORDER BY relname",
    );
    assert_eq!(tables, WORKSPACE_TABLES);
}
