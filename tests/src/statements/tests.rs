//! Accepted and rejected statements of each rule.

use super::statement_violations;

fn assert_accepted(statements: &[&str]) {
    for statement in statements {
        assert_eq!(statement_violations(statement), Vec::<String>::new());
    }
}

/// Fails unless each statement breaks exactly one rule, whose message contains `expected`.
fn assert_rejected(expected: &str, statements: &[&str]) {
    for statement in statements {
        let violations = statement_violations(statement);
        assert_eq!(violations.len(), 1, "{statement}: {violations:?}");
        assert!(violations[0].contains(expected), "{violations:?}");
    }
}

#[test]
fn statements_of_one_workspace_are_accepted() {
    assert_accepted(&[
        "SELECT 1",
        "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off",
        "/* all workspaces */ VACUUM (ANALYZE, TRUNCATE false) users, devices_mdm",
        "SELECT \"workspaces\".\"id\" FROM \"workspaces\" WHERE \"workspaces\".\"id\" = $1 FOR NO KEY UPDATE",
        "SELECT id FROM \"users\" WHERE (\"users\".\"workspace_id\" = $1) AND id = $2 FOR KEY SHARE",
        "SELECT 1 FROM users WHERE workspace_id = $1::bigint FOR SHARE OF users SKIP LOCKED",
        "INSERT INTO \"devices\" (\"workspace_id\", \"id\") VALUES ($1, $2), ($3, $4)",
        "INSERT INTO devices (workspace_id, id) SELECT $1, id FROM unnest($2) AS new (id)",
        "COPY \"devices\" (\"workspace_id\", \"id\") FROM STDIN WITH (FORMAT binary)",
        "UPDATE devices_mdm SET device_id = 1 FROM devices WHERE devices.workspace_id = $1 \
         AND devices_mdm.workspace_id = $1",
        "SELECT 'users', 'it''s', id FROM devices WHERE devices.workspace_id = $1",
        "SELECT 1 FROM (SELECT * FROM devices AS owner WHERE owner.workspace_id = $1) AS devices",
        "SELECT 1 FROM devices JOIN users ON users.workspace_id = $1 AND users.id = user_id \
         WHERE devices.workspace_id = $1",
        "SELECT 1 FROM devices LEFT JOIN users AS owner ON owner.workspace_id = $1 \
         AND owner.id = user_id WHERE devices.workspace_id = $1",
        "INSERT INTO workspaces (id, name) SELECT $2, email FROM users WHERE workspace_id = $1",
        "WITH devices AS (DELETE FROM users WHERE workspace_id = $1 RETURNING id) SELECT id FROM devices",
        "SELECT \"api_keys\".\"id\", 1 FROM \"api_keys\" ORDER BY \"api_keys\".\"id\"",
    ]);
}

#[test]
fn missing_workspace_condition_is_rejected() {
    assert_rejected(
        "has no condition",
        &[
            "SELECT workspace_id FROM users",
            "SELECT * FROM \"users\" WHERE \"users\".\"id\" = $1",
            "SELECT 1 FROM users WHERE workspace_id = 1",
            "SELECT 1 FROM users WHERE workspace_id = $1 OR id = $2",
            "UPDATE devices SET name = $1 WHERE id = $2 RETURNING workspace_id",
            "DELETE FROM devices",
            "SELECT 1 FROM workspaces, devices",
            "SELECT 1 FROM public.devices",
            "SELECT 1 FROM workspaces WHERE id = (SELECT workspace_id FROM users WHERE id = $1)",
            "DELETE FROM ONLY devices USING users WHERE users.workspace_id = $1",
            "SELECT 1 FROM devices, users WHERE devices.workspace_id = $1 AND devices.workspace_id = $1",
            "UPDATE devices_mdm SET device_id = 1 FROM devices WHERE devices.workspace_id = $1",
            "SELECT 1 FROM devices JOIN users ON users.id = user_id WHERE devices.workspace_id = $1",
            "SELECT id FROM search_queue ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
            "SELECT 1 FROM devices LEFT JOIN users ON users.workspace_id = $1 \
             AND devices.workspace_id = $1",
            "SELECT 1 FROM devices LEFT JOIN workspaces ON workspace_id = $1",
        ],
    );
    assert_rejected(
        "the first column written",
        &["COPY devices (id, workspace_id) FROM STDIN"],
    );
    assert_rejected(
        "does not begin its rows",
        &[
            "INSERT INTO devices (workspace_id, id) VALUES ($1, $2), (7, $3)",
            "INSERT INTO devices (workspace_id) SELECT id FROM workspaces",
        ],
    );
}

#[test]
fn second_workspace_is_rejected() {
    assert_rejected(
        "use one parameter",
        &[
            "SELECT 1 FROM devices, users WHERE devices.workspace_id = $1 AND users.workspace_id = $2",
            "WITH x AS (SELECT id FROM users WHERE users.workspace_id = $1) \
             INSERT INTO devices (workspace_id, id) VALUES ($2, $3)",
        ],
    );
    assert_rejected(
        "move a row to another shard",
        &["UPDATE users SET workspace_id = $2 WHERE workspace_id = $1"],
    );
}

#[test]
fn write_to_all_workspaces_is_rejected() {
    assert_accepted(&["/* all workspaces */ SELECT DISTINCT workspace_id FROM usage_changes"]);
    assert_rejected(
        "only a read without locks",
        &[
            "/* all workspaces */ SELECT DISTINCT workspace_id FROM usage_changes FOR UPDATE",
            "/* all workspaces */ SELECT DISTINCT workspace_id FROM usage_changes; DELETE FROM users",
            "/* all workspaces */ SELECT DISTINCT workspace_id FROM usage_changes \
             WHERE workspace_id IN (SELECT workspace_id FROM users FOR UPDATE)",
            "/* all workspaces */ WITH purge_lock AS (SELECT id FROM users FOR UPDATE) \
             SELECT id FROM purge_lock ORDER BY created_at LIMIT 50",
            "/* all workspaces */ WITH purge_lock AS (DELETE FROM users RETURNING id) \
             SELECT id FROM purge_lock ORDER BY created_at LIMIT 50",
        ],
    );
}

#[test]
fn functions_citus_evaluates_are_accepted() {
    assert_accepted(&[
        "INSERT INTO users (workspace_id, created_at) VALUES ($1, clock_timestamp())",
        "UPDATE users SET deleted_at = now(), id = greatest($2, id) WHERE workspace_id = $1",
        "UPDATE api_keys SET last_used_at = now() WHERE workspace_id = $1 \
         AND last_used_at <= now() - interval '1 minute'",
        "UPDATE users SET updated_at = (updated_at AT TIME ZONE 'UTC' + interval '1 microsecond') \
         AT TIME ZONE 'UTC' WHERE workspace_id = $1",
        "SELECT clock_timestamp(), greatest(clock_timestamp(), updated_at + interval '1 microsecond') \
         FROM users WHERE workspace_id = $1 FOR NO KEY UPDATE",
        "WITH event AS (INSERT INTO device_events (workspace_id) VALUES ($1) RETURNING id) \
         SELECT id, pg_current_xact_id()::text FROM event",
        "INSERT INTO usage_counts AS counted (workspace_id, count) VALUES ($1, $2) ON CONFLICT \
         (workspace_id) DO UPDATE SET count = counted.count + excluded.count",
        "UPDATE users SET role = coalesce(role, $2) WHERE workspace_id = $1",
    ]);
}

#[test]
fn volatile_functions_in_writes_are_rejected() {
    assert_rejected(
        "not possible in UPDATE",
        &[
            "UPDATE users SET updated_at = clock_timestamp() WHERE workspace_id = $1",
            "UPDATE users SET id = 1 WHERE workspace_id = $1 AND id < random()",
            "UPDATE users SET id = 1 FROM (SELECT unheard_of() AS id) AS new WHERE workspace_id = $1",
        ],
    );
    assert_rejected(
        "not possible in DELETE",
        &[
            "WITH gone AS (DELETE FROM users WHERE workspace_id = $1 AND id > random() RETURNING id) \
           SELECT id FROM gone",
        ],
    );
    assert_rejected(
        "not possible in ON CONFLICT",
        &[
            "INSERT INTO usage_counts (workspace_id, count) VALUES ($1, $2) ON CONFLICT (workspace_id) \
             DO UPDATE SET recounted_at = now()",
            "INSERT INTO usage_counts (workspace_id, count) VALUES ($1, $2) ON CONFLICT (workspace_id) \
             DO UPDATE SET count = 0 WHERE usage_counts.recounted_at < clock_timestamp()",
        ],
    );
    assert_rejected(
        "not possible in RETURNING",
        &[
            "INSERT INTO users (workspace_id) VALUES ($1) RETURNING id, pg_current_xact_id()",
            "UPDATE users SET id = 1 WHERE workspace_id = $1 RETURNING now()",
        ],
    );
    assert_rejected(
        "in CASE or COALESCE",
        &[
            "UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE workspace_id = $1",
            "UPDATE api_keys SET revoked_at = CASE WHEN $2 THEN now() END WHERE workspace_id = $1",
        ],
    );
    assert_rejected(
        "refers to a column",
        &[
            "UPDATE users SET updated_at = updated_at + interval '1 microsecond' WHERE workspace_id = $1",
            "DELETE FROM idempotency_keys WHERE workspace_id = $1 AND convert_from(outcome, 'UTF8') = $2",
        ],
    );
}

#[test]
fn sequences_beside_tables_are_rejected() {
    assert_accepted(&["SELECT nextval('devices_id_seq') FROM generate_series(1, $1)"]);
    assert_rejected(
        "runs on a worker",
        &[
            "SELECT nextval('devices_id_seq'), id FROM users WHERE workspace_id = $1",
            "SELECT ARRAY(SELECT nextval('devices_id_seq')) FROM workspaces WHERE id = $1",
        ],
    );
}

#[test]
fn expressions_that_differ_on_workers_are_rejected() {
    assert_accepted(&[
        "SELECT count(*), ($2)[1:$3], cardinality(tags) FROM devices WHERE workspace_id = $1",
        "UPDATE devices SET tags = coalesce(tags[2:], '{}') WHERE workspace_id = $1",
        "SELECT (SELECT device_limit FROM workspaces WHERE workspaces.id = $1), id FROM users \
         WHERE workspace_id = $1",
        "SELECT workspaces.id FROM workspaces LEFT JOIN usage_counts AS counts \
         ON counts.workspace_id = $1 WHERE counts.workspace_id IS NULL",
    ]);
    assert_rejected(
        "has a whole row as its argument",
        &[
            "SELECT status(devices) FROM devices WHERE workspace_id = $1",
            "SELECT status(owner) FROM devices AS owner WHERE workspace_id = $1",
            "SELECT status(devices.*) FROM devices WHERE workspace_id = $1",
        ],
    );
    assert_rejected(
        "no effect on workers",
        &["SELECT set_config('work_mem', '1MB', true)"],
    );
    assert_rejected(
        "crashes Citus",
        &[
            "UPDATE search_queue SET device_ids = device_ids[$2:] WHERE workspace_id = $1",
            "UPDATE devices SET name = (tags[1]) WHERE workspace_id = $1",
        ],
    );
    assert_rejected(
        "refers to workspaces",
        &[
            "SELECT id FROM workspaces WHERE NOT EXISTS (SELECT FROM usage_counts \
           WHERE usage_counts.workspace_id = $1 AND usage_counts.count = workspaces.device_limit)",
        ],
    );
    assert_rejected(
        "is in VALUES",
        &["INSERT INTO users (workspace_id, id) VALUES ($1, (SELECT max($2)))"],
    );
}

#[test]
fn lock_on_two_kinds_of_nodes_is_rejected() {
    assert_accepted(&[
        "SELECT pg_advisory_xact_lock(hashtextextended('one node', $1))",
        "SELECT pg_advisory_xact_lock_shared(hashtextextended('one node', $2)), $1",
        "SELECT pg_advisory_xact_lock(hashtextextended('other', $2)) FROM users WHERE workspace_id = $1",
    ]);
    assert_rejected(
        "only one of two takers",
        &[
            "SELECT id, pg_try_advisory_xact_lock(hashtextextended('one node', $1)) FROM users \
           WHERE workspace_id = $1",
        ],
    );
}

#[test]
fn unknown_syntax_is_rejected() {
    assert_rejected("unknown syntax", &["SELECT FROM WHERE"]);
}
