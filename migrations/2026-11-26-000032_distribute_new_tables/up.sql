-- Distributes a new tenant table by workspace if the others are distributed (scripts/distribute.sql).
-- Does nothing on a PostgreSQL without Citus. A later migration calls it after CREATE TABLE, and adds
-- the foreign keys of the table after that: Citus rejects them between tables that are distributed
-- and tables that are not.
CREATE FUNCTION distribute_tenant_table(tenant_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- The catalogue of distributed tables.
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'devices'::regclass) THEN
        -- Later statements of the transaction see the shards only on the same connections.
        PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
        PERFORM create_distributed_table(tenant_table, 'workspace_id', colocate_with => 'devices');
    END IF;
END $$;
