-- Finds the archived devices for searches that ask for them: a scan would read all devices. Costs
-- new devices nothing, since none is archived.
CREATE INDEX CONCURRENTLY IF NOT EXISTS search_documents_archived_idx
    ON search_documents (workspace_id, device_id) WHERE is_archived;
