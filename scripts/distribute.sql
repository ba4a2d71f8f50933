-- Distributes the tables over the nodes of a Citus cluster (https://docs.citusdata.com) by
-- workspace: all rows of a workspace are in one shard of each table, on the same node.
--
-- Requires the complete schema, with or without data. Run it as the owner of the tables, while no
-- server is running, because it locks the tables:
--
--   psql "$DEVICES__DATABASE__URL" -v ON_ERROR_STOP=1 -f scripts/distribute.sql
--
-- It is one transaction. It is plain SQL without psql's commands, so that any client can run it.
-- It prints what is left to do on the nodes. docs/SCALING.md lists the requirements.
DO $$
DECLARE
    -- All statements are generated first: the definitions of dropped objects cannot be read later.
    steps        text[];
    step         text;
    serving_role text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_proc WHERE proname = 'create_distributed_table') THEN
        RAISE EXCEPTION 'this database has no Citus'
            USING HINT = 'On every node: shared_preload_libraries = ''citus'', and CREATE EXTENSION citus in a database '
                         'of this name. Here: SELECT citus_set_coordinator_host(...), and citus_add_node(...) for each '
                         'of the others.';
    END IF;

    WITH tenant_table AS (
        SELECT pg_class.oid, relname <> 'devices' AS comes_later
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'workspace_id'
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    ), foreign_key AS (
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS dropped,
               format('ALTER TABLE %s ADD CONSTRAINT %I %s',
                      conrelid::regclass, conname, pg_get_constraintdef(oid)) AS added
        FROM pg_constraint WHERE contype = 'f' AND conrelid IN (SELECT oid FROM tenant_table)
    ), own_view AS (
        SELECT oid, oid::regclass AS name, relowner, relacl FROM pg_class
        WHERE relkind = 'v' AND oid IN (
            SELECT ev_class FROM pg_rewrite
            JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
            WHERE refclassid = 'pg_class'::regclass AND refobjid IN (SELECT oid FROM tenant_table))
    ), step (number, position, statement) AS (
        -- Citus rejects foreign keys between a distributed table and one that is not distributed
        -- yet, in either direction.
        SELECT 1, 0, dropped FROM foreign_key
        -- Views are created again on the distributed tables.
        UNION ALL SELECT 2, 0, format('DROP VIEW %s', name) FROM own_view
        -- A reference table is replicated to each node. Workspace names are unique, which Citus
        -- cannot enforce across shards.
        UNION ALL SELECT 3, 0, $sql$SELECT create_reference_table('workspaces')$sql$
        UNION ALL SELECT 4, comes_later::int,
                         format($sql$SELECT create_distributed_table(%L, 'workspace_id', colocate_with => %L)$sql$,
                                oid::regclass, CASE WHEN comes_later THEN 'devices' ELSE 'none' END)
        FROM tenant_table
        -- The original rows stay in the local table after they have been copied to the shards.
        -- Queries ignore them, but new foreign keys would check them.
        UNION ALL SELECT 5, 0, format('SELECT truncate_local_data_after_distributing_table(%L)', oid::regclass)
        FROM (SELECT oid FROM tenant_table UNION ALL SELECT 'workspaces'::regclass) AS distributed
        UNION ALL SELECT 6, 0, added FROM foreign_key
        UNION ALL SELECT 7, oid::bigint, format('CREATE VIEW %s AS %s', name, pg_get_viewdef(oid)) FROM own_view
        UNION ALL SELECT 8, 0, format('GRANT %s ON %s TO %s', privilege_type, name,
                                       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
        FROM own_view CROSS JOIN aclexplode(relacl) WHERE grantee <> relowner
    )
    SELECT array_agg(statement ORDER BY number, position, statement) INTO steps FROM step;

    -- Uses one connection per node. Other connections would not see the objects that this
    -- transaction created.
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    FOREACH step IN ARRAY steps LOOP
        RAISE NOTICE '%', split_part(step, chr(10), 1);
        EXECUTE step;
    END LOOP;

    -- Searches choose their plans with SET LOCAL, which reaches the workers only with this setting.
    IF pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') THEN
        EXECUTE format('ALTER DATABASE %I SET citus.propagate_set_commands = ''local''', current_database());
    ELSE
        RAISE WARNING 'searches in large workspaces are slow without a setting of the database'
            USING HINT = format('As its owner: ALTER DATABASE %I SET citus.propagate_set_commands = ''local'';',
                                current_database());
    END IF;

    -- Roles that can insert devices, other than their owner.
    FOR serving_role IN
        SELECT DISTINCT grantee::regrole::text
        FROM pg_class CROSS JOIN aclexplode(relacl) JOIN pg_roles ON pg_roles.oid = grantee
        WHERE pg_class.oid = 'devices'::regclass AND privilege_type = 'INSERT' AND grantee <> relowner
          AND NOT rolcanlogin
    LOOP
        RAISE WARNING 'the role % cannot log in, and Citus connects to the other nodes as the current role', serving_role
            USING HINT = format('ALTER ROLE %s LOGIN; let pg_hba.conf admit it from the nodes only.', serving_role);
    END LOOP;

    -- `migrate` sets this for the database of the coordinator only.
    RAISE WARNING 'PostgreSQL''s logs on the other nodes contain values of failed statements'
        USING HINT = format('As a superuser: SELECT run_command_on_workers(''ALTER DATABASE %I SET log_error_verbosity = terse'');',
                            current_database());
END $$;
