-- Distributes the tables by workspace over the nodes of a Citus cluster (https://docs.citusdata.com): the rows of one
-- workspace come to lie together, in one shard of each table. For a database with the whole schema, empty or filled:
--   psql "$DEVICES__DATABASE__URL" -v ON_ERROR_STOP=1 -f scripts/distribute.sql
-- by the owner of the tables, while no server runs: the tables are locked until all is done. All is done or nothing.
-- Plain SQL, so that whatever runs SQL can run it. See docs/SCALING.md first: it says what does not work there.
DO $$
DECLARE
    -- Worked out before anything is changed, as what is dropped cannot be asked for any more.
    steps text[];
    step  text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_proc WHERE proname = 'create_distributed_table') THEN
        RAISE EXCEPTION 'this database has no Citus'
            USING HINT = 'On every node: shared_preload_libraries = ''citus'', and CREATE EXTENSION citus in a database '
                         'of this name. Here: SELECT citus_set_coordinator_host(...), and citus_add_node(...) for each '
                         'of the others.';
    END IF;

    WITH tenant_table AS (
        SELECT pg_class.oid, reltype, relname <> 'devices' AS comes_later
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'workspace_id'
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    ), foreign_key AS (
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS dropped,
               format('ALTER TABLE %s ADD CONSTRAINT %I %s',
                      conrelid::regclass, conname, pg_get_constraintdef(oid)) AS added
        FROM pg_constraint WHERE contype = 'f' AND conrelid IN (SELECT oid FROM tenant_table)
    ), own_function AS (
        SELECT oid, oid::regprocedure AS name,
               proargtypes::oid[] && ARRAY(SELECT reltype FROM tenant_table) AS takes_rows
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend
                          WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')
    ), own_view AS (
        SELECT oid, oid::regclass AS name, relowner, relacl FROM pg_class
        WHERE relkind = 'v' AND oid IN (
            SELECT ev_class FROM pg_rewrite
            JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
            JOIN own_function ON refclassid = 'pg_proc'::regclass AND refobjid = own_function.oid
            WHERE takes_rows)
    ), step (number, position, statement) AS (
        -- Citus takes no foreign key to a table that it does not know yet, whichever of two comes first.
        SELECT 1, 0, dropped FROM foreign_key
        -- A table, the function that takes its rows, and the view that reads both depend on each other in a circle,
        -- which Citus refuses.
        UNION ALL SELECT 2, 0, format('DROP VIEW %s', name) FROM own_view
        UNION ALL SELECT 3, 0, format('DROP FUNCTION %s', name) FROM own_function WHERE takes_rows
        -- Citus takes what a table depends on to the other nodes by itself, with the extensions; but nothing tells it
        -- that a function calls another. Those that are called are older.
        UNION ALL SELECT 4, oid::bigint, format('SELECT create_distributed_function(%L)', name)
        FROM own_function WHERE NOT takes_rows
        -- Each node has all workspaces: their names are unique, which shards could not keep up.
        UNION ALL SELECT 5, 0, $sql$SELECT create_reference_table('workspaces')$sql$
        UNION ALL SELECT 6, comes_later::int,
                         format($sql$SELECT create_distributed_table(%L, 'workspace_id', colocate_with => %L)$sql$,
                                oid::regclass, CASE WHEN comes_later THEN 'devices' ELSE 'none' END)
        FROM tenant_table
        -- Rows that were copied to the shards still lie here, where nobody sees them; foreign keys would.
        UNION ALL SELECT 7, 0, format('SELECT truncate_local_data_after_distributing_table(%L)', oid::regclass)
        FROM (SELECT oid FROM tenant_table UNION ALL SELECT 'workspaces'::regclass) AS distributed
        UNION ALL SELECT 8, 0, added FROM foreign_key
        UNION ALL SELECT 9, oid::bigint, pg_get_functiondef(oid) FROM own_function WHERE takes_rows
        UNION ALL SELECT 10, oid::bigint, format('CREATE VIEW %s AS %s', name, pg_get_viewdef(oid)) FROM own_view
        UNION ALL SELECT 11, 0, format('GRANT %s ON %s TO %s', privilege_type, name,
                                       CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
        FROM own_view CROSS JOIN aclexplode(relacl) WHERE grantee <> relowner
    )
    SELECT array_agg(statement ORDER BY number, position, statement) INTO steps FROM step;

    -- One connection to each node: else not all of them see what this transaction has made before.
    PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
    FOREACH step IN ARRAY steps LOOP
        RAISE NOTICE '%', split_part(step, chr(10), 1);
        EXECUTE step;
    END LOOP;

    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'fleet_devices_serving' AND NOT rolcanlogin) THEN
        RAISE WARNING 'the role fleet_devices_serving cannot log in, and Citus connects to the other nodes as the role '
                      'at hand'
            USING HINT = 'ALTER ROLE fleet_devices_serving LOGIN; let pg_hba.conf admit it from the nodes only.';
    END IF;
END $$;
