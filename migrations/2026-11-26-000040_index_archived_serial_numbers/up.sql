-- Index for lists of archived devices by many serial numbers. Archived devices can share a serial
-- number. Creating devices costs nothing here.
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_archived_serial_number_idx
    ON devices (workspace_id, serial_number_folded)
    WHERE deleted_at IS NOT NULL AND serial_number_folded IS NOT NULL;
