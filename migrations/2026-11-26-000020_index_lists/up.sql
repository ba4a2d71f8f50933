-- Indexes for the lists of a workspace with a million devices (ADR 27). A device is in few of them.
--
-- `updated_at` is never NULL. The predicates keep statements without a condition on it from using
-- these indexes: before a table has statistics, the planner expects a workspace to have one row,
-- and could read all of it through them instead of looking up a serial number.

CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_updated_at_idx ON devices (workspace_id, updated_at)
    WHERE updated_at IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_archived_idx ON devices (workspace_id, id)
    WHERE deleted_at IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_lifecycle_idx ON devices (workspace_id, lifecycle, id)
    WHERE deleted_at IS NULL AND lifecycle IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_available_idx ON devices (workspace_id, id)
    WHERE deleted_at IS NULL AND lifecycle IS NULL AND user_id IS NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_updated_at_idx ON users (workspace_id, updated_at)
    WHERE updated_at IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_mdm_updated_at_idx ON devices_mdm (workspace_id, updated_at)
    WHERE updated_at IS NOT NULL;
