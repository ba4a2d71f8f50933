-- Indexes for the lists of a workspace with a million devices (ADR 27). A device is in few of them.

CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_updated_at_idx ON devices (workspace_id, updated_at);
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
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_updated_at_idx ON users (workspace_id, updated_at);
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_mdm_updated_at_idx ON devices_mdm (workspace_id, updated_at);
