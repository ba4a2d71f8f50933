-- Privileges of the serving role, which `migrate` grants in one transaction. It also grants UPDATE
-- of the columns of some tables (grants.rs), and replaces the name of the role.
GRANT USAGE ON SCHEMA public TO {serving_role};
GRANT SELECT ON __diesel_schema_migrations, workspaces TO {serving_role};
GRANT SELECT, INSERT, UPDATE (last_used_at, revoked_at, retires_at) ON api_keys TO {serving_role};
GRANT SELECT, INSERT ON devices, device_events, audit_events, users, devices_mdm
    TO {serving_role};
GRANT SELECT, INSERT ON batches TO {serving_role};
GRANT UPDATE (feed_position) ON device_events TO {serving_role};
GRANT SELECT, INSERT, UPDATE (last_position, read_at) ON event_feeds TO {serving_role};
GRANT SELECT ON searchable_devices TO {serving_role};
GRANT SELECT, INSERT ON search_documents TO {serving_role};
GRANT SELECT, INSERT, DELETE, UPDATE (device_ids, user_ids, identifiers, documents)
    ON search_queue TO {serving_role};
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO {serving_role};
GRANT SELECT, INSERT, DELETE ON console_sessions TO {serving_role};
GRANT SELECT, INSERT, UPDATE ON rate_limits, workspace_rate_limits TO {serving_role};
GRANT SELECT, INSERT, DELETE ON usage_changes TO {serving_role};
GRANT SELECT, INSERT, UPDATE (count, recounted_at) ON usage_counts TO {serving_role};
GRANT USAGE ON SEQUENCE devices_id_seq, device_events_id_seq, users_id_seq, devices_mdm_id_seq,
    api_keys_id_seq, search_queue_id_seq, usage_changes_id_seq TO {serving_role};
