//! Every statement that these tests send keeps to a workspace.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use devices_tests::{TestDatabase, WORKSPACE_TABLES, missing_workspace_filter};
use tracing::Event;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::{TestStore, block_on, device};

static SEEN: AtomicUsize = AtomicUsize::new(0);
static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// From now on every statement is looked at.
pub(crate) fn watch() {
    static WATCHING: LazyLock<()> =
        LazyLock::new(|| tracing_subscriber::registry().with(Watch).init());
    LazyLock::force(&WATCHING);
}

/// Fails where one did not keep to a workspace, whichever test sent it.
pub(crate) fn assert_no_complaints() {
    let complaints = COMPLAINTS.lock().unwrap().clone();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// Every different statement that was sent and holds these words.
pub(crate) fn containing(words: &str) -> Vec<String> {
    let statements = STATEMENTS.lock().unwrap();
    let holding = statements
        .iter()
        .filter(|statement| statement.contains(words));
    holding.cloned().collect()
}

struct Watch;

impl Layer<Registry> for Watch {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, Registry>) {
        event.record(&mut Self);
    }
}

impl Visit for Watch {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "statement" {
            SEEN.fetch_add(1, Ordering::Relaxed);
            STATEMENTS.lock().unwrap().insert(value.to_owned());
            let complaint = missing_workspace_filter(value);
            COMPLAINTS.lock().unwrap().extend(complaint);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

#[test]
fn statements_are_seen() {
    block_on(async {
        let store = TestStore::new();
        let acme = store.writer("acme").await;
        acme.create(vec![device(&[])]).await.unwrap();
        assert_ne!(SEEN.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn every_table_whose_rows_belong_to_a_workspace_is_known() {
    let tables = TestDatabase::new().texts(
        "SELECT relname FROM pg_class
         WHERE relkind IN ('r', 'v') AND relnamespace = 'public'::regnamespace
           AND relname NOT IN ('workspaces', '__diesel_schema_migrations') ORDER BY relname",
    );
    assert_eq!(tables, WORKSPACE_TABLES);
}
