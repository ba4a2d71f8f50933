-- Creates the serving role, and grants it the privileges that serving needs, and no others.
-- Idempotent: the owner of the tables runs it after every migration.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fleet_devices_serving') THEN
        CREATE ROLE fleet_devices_serving NOLOGIN;
    END IF;
EXCEPTION
    -- A role belongs to the whole server, and this user may not be allowed to create one.
    WHEN insufficient_privilege THEN NULL;
    -- The owner of another database creates it at the same time.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

-- Before PostgreSQL 15, every role may create tables in this schema.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    grants record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fleet_devices_serving') THEN
        RETURN;
    END IF;
    GRANT USAGE ON SCHEMA public TO fleet_devices_serving;
    GRANT SELECT ON __diesel_schema_migrations, workspaces, api_keys TO fleet_devices_serving;
    GRANT UPDATE (last_used_at) ON api_keys TO fleet_devices_serving;
    GRANT SELECT, INSERT ON devices, device_events, audit_events, users, devices_mdm
        TO fleet_devices_serving;
    GRANT SELECT ON searchable_devices TO fleet_devices_serving;
    GRANT SELECT, INSERT ON search_documents TO fleet_devices_serving;
    GRANT SELECT, INSERT, DELETE, UPDATE (device_ids, user_ids, identifiers, documents)
        ON search_queue TO fleet_devices_serving;
    GRANT SELECT, INSERT, DELETE ON idempotency_keys TO fleet_devices_serving;
    GRANT SELECT, INSERT, UPDATE ON rate_limits, workspace_rate_limits TO fleet_devices_serving;
    GRANT SELECT, INSERT, DELETE ON usage_changes TO fleet_devices_serving;
    GRANT SELECT, INSERT, UPDATE (count, recounted_at) ON usage_counts TO fleet_devices_serving;
    GRANT USAGE ON SEQUENCE devices_id_seq, device_events_id_seq, users_id_seq, devices_mdm_id_seq,
        search_queue_id_seq, usage_changes_id_seq TO fleet_devices_serving;
    -- All columns but keys and creation times: an update never moves a row to another workspace,
    -- and never changes its identity.
    FOR grants IN
        SELECT format('GRANT UPDATE (%s) ON %s TO fleet_devices_serving',
                      string_agg(quote_ident(attname), ', '), attrelid::regclass) AS statement
        FROM pg_attribute
        WHERE attrelid IN ('devices'::regclass, 'users'::regclass, 'devices_mdm'::regclass,
                           'search_documents'::regclass)
          AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
          AND attname NOT IN ('workspace_id', 'id', 'device_id', 'created_at')
        GROUP BY attrelid
    LOOP
        EXECUTE grants.statement;
    END LOOP;
END $$;

-- Lets the owner switch to the role, too. A superuser can anyway; others must be members.
DO $$
BEGIN
    IF NOT pg_has_role('fleet_devices_serving', 'MEMBER') THEN
        GRANT fleet_devices_serving TO CURRENT_USER;
    END IF;
EXCEPTION
    WHEN insufficient_privilege OR undefined_object THEN NULL;
END $$;
