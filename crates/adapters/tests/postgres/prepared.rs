//! Prepared statements, and the plans that connections keep for them.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use devices_adapters::postgres::{
    Database, DatabaseOptions, PostgresKeys, PostgresSessions, SessionSettings, migrate,
    missing_settings_sql,
};
use devices_domain::{
    Actor, CreateError, DeviceFilter, DeviceId, IdempotencyKey, IdempotentRequest, IdentifierKey,
    KeyRepository, NewDevice, NewSession, PageRequest, PageStart, Precondition, RateLimiter,
    RateLimits, RawValue, RenderResponse, Scope, Search, SessionRepository, UserId,
};
use devices_tests::{LoginRole, TestDatabase, report_skipped};

use crate::{TestStore, Writer, block_on, device_of, enrollments, options};

/// A serving pool of one connection, whose prepared statements the tests observe.
struct Observed {
    store: TestStore,
    acme: Writer,
    user: UserId,
}

fn one_connection() -> DatabaseOptions {
    DatabaseOptions {
        pool_size: 1,
        // The tests check that a plan suits a larger table, not that it is replaced in time.
        plan_lifetime: Duration::from_secs(3_600),
        ..options()
    }
}

/// Records the prepared statements of the session that inserts an audit event. They are visible
/// only to that session. PostgreSQL counts plans from version 14 on. Prevents autovacuum from
/// analysing tables, which replaces all plans.
const OBSERVER: &str = "
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT relname FROM pg_class
                    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
            EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = false)', name);
        END LOOP;
    END $$;
    CREATE SCHEMA observer;
    CREATE TABLE observer.statements (text text, custom bigint, generic bigint);
    CREATE TABLE observer.settings (plan_cache_mode text);
    CREATE FUNCTION observer.observe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        DELETE FROM observer.statements;
        INSERT INTO observer.statements
            SELECT statement, (to_jsonb(prepared) ->> 'custom_plans')::bigint,
                   (to_jsonb(prepared) ->> 'generic_plans')::bigint
            FROM pg_prepared_statements AS prepared;
        DELETE FROM observer.settings;
        INSERT INTO observer.settings SELECT current_setting('plan_cache_mode');
        RETURN NULL;
    END $$;
    CREATE TRIGGER observer AFTER INSERT ON device_events EXECUTE FUNCTION observer.observe()";

impl Observed {
    async fn new() -> Self {
        Self::with_options(|_| one_connection()).await
    }

    /// Uses a database without Citus: its workers would run the trigger.
    async fn with_options(options: impl FnOnce(&TestDatabase) -> DatabaseOptions) -> Self {
        let database = TestDatabase::empty();
        migrate(database.url()).unwrap();
        database.execute(OBSERVER);
        let store = TestStore::on(database);
        let options = options(&store.database);
        let store = store.with_options(options);
        let acme = store.writer("acme").await;
        let user = store.user(acme.workspace, "ada@example.com").await;
        Self { store, acme, user }
    }

    /// Sends requests of each frequent kind.
    async fn run(&self, rounds: std::ops::Range<u32>) {
        let keys = PostgresKeys::new(self.store.pool.clone());
        let limiter = self.store.limiter();
        let limits = RateLimits {
            key: NonZeroU32::new(1_000_000),
            workspace: NonZeroU32::new(1_000_000),
        };
        let acme = &self.acme;
        let actor = Actor {
            workspace: acme.workspace,
            key: acme.key,
            scope: Scope::Write,
        };
        for round in rounds {
            let found = keys.find_actor(acme.workspace, [1; 32]).await.unwrap();
            assert_eq!(found, Some(actor));
            limiter.take(actor, limits).await.unwrap();
            let one = acme.create(vec![self.device(round, 0)]).await.unwrap();
            let several = (1..4).map(|number| self.device(round, number));
            acme.create(several.collect()).await.unwrap();
            let many = (4..24).map(|number| self.device(round, number));
            acme.create(many.collect()).await.unwrap();
            self.create_idempotently(round).await;
            self.change(one[0].id, round).await;
            self.change_user_and_enrollment(round).await;
            self.sign_in(round).await;
        }
    }

    fn device(&self, round: u32, number: u32) -> NewDevice {
        let serial = format!("S-{round}-{number}");
        let tag = format!("T-{round}-{number}");
        let user = if number.is_multiple_of(2) {
            ("user_id", RawValue::Integer(self.user.0))
        } else {
            ("user_email", RawValue::text("ada@example.com"))
        };
        let serial = ("serial_number", RawValue::text(serial));
        let tag = ("asset_tag", RawValue::text(tag));
        device_of([serial, tag, user])
    }

    async fn create_idempotently(&self, round: u32) {
        const RENDER: RenderResponse = |_, _| Vec::new();
        let request = IdempotentRequest {
            operation: "POST /devices",
            key: IdempotencyKey::parse(&format!("job-{round}")).unwrap(),
            fingerprint: [0; 32],
        };
        let stored = self.acme.devices.find_response(request.clone()).await;
        assert_eq!(stored.unwrap(), None);
        let devices = vec![self.device(round, 24)];
        let stored = self.acme.store(devices, Some((request, RENDER))).await;
        stored.unwrap();
    }

    async fn sign_in(&self, round: u32) {
        let sessions = PostgresSessions::new(&self.store.pool);
        let workspace = self.acme.workspace;
        let mut token = [0; 32];
        token[..4].copy_from_slice(&round.to_be_bytes());
        let session = NewSession {
            workspace,
            secret_sha256: [1; 32],
            token_sha256: token,
            expires_at: Utc::now() + TimeDelta::hours(12),
        };
        let created = sessions.create(session).await.unwrap();
        assert!(created.is_some());
        for _ in 0..2 {
            let found = sessions.find(workspace, token).await.unwrap();
            assert!(found.is_some());
        }
    }

    async fn change(&self, device: DeviceId, round: u32) {
        let acme = &self.acme;
        assert!(acme.devices.find(device).await.unwrap().is_some());
        let name = format!("Name {round}");
        let fields = [("name", RawValue::text(name))];
        acme.update(device.0, fields, Precondition::Any)
            .await
            .unwrap();
        acme.delete(device).await;
        acme.restore(device).await.unwrap();
    }

    async fn change_user_and_enrollment(&self, round: u32) {
        let workspace = self.acme.workspace;
        let email = format!("user-{round}@example.com");
        let user = self.store.user(workspace, &email).await;
        let users = self.store.users(workspace);
        assert!(users.find(user).await.unwrap().is_some());
        users.delete(user, self.acme.origin()).await.unwrap();
        let serial = format!("S-{round}-0");
        enrollments::put(&self.store, &self.acme, &serial, "ENROLLED").await;
        let serial = IdentifierKey::new(&serial);
        let enrollments = self.store.enrollments(workspace);
        let stored = enrollments.find(serial).await.unwrap().unwrap();
        assert!(stored.device_id.is_some());
    }

    /// Returns the prepared statements of the connection, as of its last change.
    fn statements(&self, columns: &str, condition: &str) -> Vec<String> {
        self.store.database.texts(&format!(
            "SELECT {columns} FROM observer.statements WHERE {condition} ORDER BY text"
        ))
    }

    /// Returns the setting of the connection, as of its last change. Empty without a change.
    fn plan_cache_modes(&self) -> Vec<String> {
        let modes = "SELECT plan_cache_mode FROM observer.settings";
        self.store.database.texts(modes)
    }

    /// Asserts that the connection has prepared statements, which only [`OBSERVER`] can see.
    fn assert_prepares(&self) {
        assert_ne!(self.statements("text", "true"), Vec::<String>::new());
    }

    /// Asserts that the present plans read few rows after the tables have grown. The number of the
    /// next round is `round`.
    async fn assert_plans_suit_growth(&self, round: u32) {
        self.assert_prepares();
        self.grow();
        self.run(round..round + 3).await;
        assert_eq!(self.much_read(), Vec::<String>::new());
    }

    /// Adds many rows to the tables that grow with the number of devices, without new statistics.
    fn grow(&self) {
        let database = &self.store.database;
        database.execute(GROWTH);
        // Statistics of a session are complete some time after it has ended.
        database.wait_until(
            "SELECT n_tup_ins >= 20000 FROM pg_stat_user_tables WHERE relname = 'device_events'",
        );
        database.execute("SELECT pg_stat_reset()");
    }

    /// Returns the indexes and the tables, with the numbers of rows and entries that were read, of
    /// those of which more than a few were read since [`grow`](Self::grow). Ends all sessions.
    fn much_read(&self) -> Vec<String> {
        let database = &self.store.database;
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        database.wait_for_other_connections_to_end();
        database.wait_until(
            "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'devices_pkey'",
        );
        database.texts(
            "SELECT relname || ': ' || seq_tup_read FROM pg_stat_user_tables \
             WHERE schemaname = 'public' AND seq_tup_read > 10000 UNION ALL \
             SELECT indexrelname || ': ' || idx_tup_read FROM pg_stat_user_indexes \
             WHERE idx_tup_read > 10000",
        )
    }
}

/// Adds 20,000 rows to each table of the first workspace.
const GROWTH: &str = "
    SET session_replication_role = replica;
    INSERT INTO workspaces (name) SELECT 'w' || n FROM generate_series(1, 20000) AS n;
    INSERT INTO users (workspace_id, email, email_folded, search_document)
        SELECT 1, n || '@example.com', n || '@example.com', '' FROM generate_series(1, 20000) AS n;
    INSERT INTO devices (workspace_id, name, type, category, serial_number, serial_number_folded,
                         asset_tag, asset_tag_folded, user_id, is_rented, compliance,
                         connection_type)
        SELECT 1, 'n', 't', 'c', n, n, n, n, 1, false, '{}', '{}' FROM generate_series(1, 20000) AS n;
    INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status)
        SELECT 1, n, n, 'ENROLLED' FROM generate_series(1, 20000) AS n;
    INSERT INTO search_documents (workspace_id, device_id, is_archived, document)
        SELECT 1, n + 10000, false, '' FROM generate_series(1, 20000) AS n;
    INSERT INTO idempotency_keys (workspace_id, operation, key, fingerprint, outcome)
        SELECT 1, 'POST /devices', n, sha256(''), '' FROM generate_series(1, 20000) AS n;
    INSERT INTO rate_limits (workspace_id, key_id, tokens, passed, refilled_at)
        SELECT 1, n + 10000, 1, true, now() FROM generate_series(1, 20000) AS n;
    INSERT INTO console_sessions (workspace_id, token_sha256, key_id, expires_at)
        SELECT 1, sha256(n::text::bytea), n + 10000, now() + interval '1 hour'
        FROM generate_series(1, 20000) AS n;
    INSERT INTO usage_counts (workspace_id, resource, count)
        SELECT n, 'users', 1 FROM generate_series(2, 20001) AS n;
    INSERT INTO device_events (workspace_id, action, key_id, request_id, device_ids)
        SELECT 1, 'CREATED', 1, 'r', ARRAY[n] FROM generate_series(1, 20000) AS n";

/// Adds as many users and enrolments as autovacuum waits for before it first analyses a table.
const FIRST_ROWS: &str = "
    INSERT INTO users (workspace_id, email, email_folded, search_document)
        SELECT 1, 'a@b' || n, 'a@b' || n, '' FROM generate_series(1, 60) AS n;
    INSERT INTO devices_mdm (workspace_id, serial_number, serial_number_folded, status)
        SELECT 1, 'A' || n, 'A' || n, 'ENROLLED' FROM generate_series(1, 60) AS n";

#[test]
fn frequent_statements_get_generic_plans() {
    block_on(async {
        let observed = Observed::new().await;
        observed.run(0..12).await;
        if observed.statements("text", "custom IS NOT NULL").is_empty() {
            report_skipped("this version of PostgreSQL does not count plans");
            return;
        }
        let frequent = observed.statements("text", "custom + generic >= 10");
        for table in [
            "api_keys",
            "console_sessions",
            "devices",
            "device_events",
            "idempotency_keys",
            "rate_limits",
        ] {
            let uses_table = |statement: &&String| statement.contains(table);
            assert!(frequent.iter().any(|text| uses_table(&text)), "{table}");
        }
        let planned_anew = observed.statements("text", "custom + generic >= 10 AND generic = 0");
        assert_eq!(planned_anew, Vec::<String>::new());
    });
}

#[test]
fn plans_of_unanalysed_tables_still_use_indexes() {
    block_on(async {
        let observed = Observed::new().await;
        observed.run(0..12).await;
        observed.assert_plans_suit_growth(12).await;
    });
}

#[test]
fn plans_of_empty_tables_still_use_indexes() {
    block_on(async {
        let observed = Observed::with_options(|database| {
            database.execute("ANALYZE");
            one_connection()
        })
        .await;
        observed.run(0..12).await;
        observed.assert_plans_suit_growth(12).await;
    });
}

#[test]
fn plans_of_tiny_tables_still_use_indexes() {
    block_on(async {
        let observed = Observed::new().await;
        observed.run(0..3).await;
        observed.store.database.execute(FIRST_ROWS);
        observed.store.database.execute("ANALYZE");
        observed.run(3..15).await;
        observed.assert_plans_suit_growth(15).await;
    });
}

#[test]
fn foreign_key_checks_are_not_planned_per_row() {
    block_on(async {
        let observed = Observed::with_options(|database| {
            database.set_default("plan_cache_mode", "force_custom_plan");
            options()
        })
        .await;
        observed.run(0..1).await;
        assert_eq!(observed.plan_cache_modes(), ["auto"]);
    });
}

#[test]
fn nothing_is_prepared_behind_a_pooler() {
    block_on(async {
        let per_role = DatabaseOptions {
            session: SessionSettings::PerRole,
            ..options()
        };
        let mut observed = Observed::new().await;
        let database = &observed.store.database;
        let login = LoginRole::serving(database);
        let missing = missing_settings_sql(login.url(), &per_role)
            .unwrap()
            .unwrap();
        let (_, statements) = missing.split_once("Run: ").unwrap();
        let (statements, _) = statements.split_once("; then let").unwrap();
        database.execute(statements);
        database.execute("DELETE FROM observer.settings");
        observed.store.pool = Database::new(login.url(), &per_role).unwrap();
        observed.acme.devices = observed.store.devices(observed.acme.workspace);
        observed.run(0..3).await;
        assert_eq!(observed.plan_cache_modes().len(), 1);
        assert_eq!(observed.statements("text", "true"), Vec::<String>::new());
    });
}

#[test]
fn number_of_prepared_statements_is_bounded() {
    block_on(async {
        let observed = Observed::new().await;
        let acme = &observed.acme;
        observed.run(0..1).await;
        let first = vec![observed.device(1_000, 0)];
        let device = acme.create(first).await.unwrap()[0].id;
        let mut prepared = Vec::new();
        for words in [1..9, 9..17] {
            for number in words {
                let filter = DeviceFilter {
                    search: Search::parse(&vec!["word"; number].join(" ")).unwrap(),
                    ..DeviceFilter::default()
                };
                let page = PageRequest {
                    limit: 10,
                    start: PageStart::Offset(number as u64),
                };
                acme.devices.list(filter, page).await.unwrap();
                let devices = (0..number).map(|device| observed.device(1_000, device as u32));
                let devices: Vec<_> = devices.collect();
                // The first one is taken: the rejection looks up all of them.
                let rejected = acme.create(devices).await;
                assert!(matches!(rejected, Err(CreateError::Conflicts(_))));
            }
            observed.change(device, 0).await;
            prepared.push(observed.statements("text", "true"));
        }
        assert_eq!(prepared[0], prepared[1]);
    });
}

#[test]
fn added_columns_do_not_break_prepared_statements() {
    block_on(async {
        let observed = Observed::new().await;
        observed.run(0..7).await;
        observed.assert_prepares();
        let database = &observed.store.database;
        let tables = "SELECT quote_ident(relname) FROM pg_class \
                      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
        for table in database.texts(tables) {
            database.execute(&format!("ALTER TABLE {table} ADD COLUMN added_later text"));
        }
        observed.run(7..9).await;
    });
}
