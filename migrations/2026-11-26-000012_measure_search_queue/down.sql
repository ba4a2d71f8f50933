ALTER TABLE search_documents ADD CONSTRAINT search_documents_device_fkey
    FOREIGN KEY (workspace_id, device_id) REFERENCES devices (workspace_id, id);
CREATE INDEX search_queue_id_idx ON search_queue (id);
ALTER TABLE search_queue DROP COLUMN queued_at, DROP COLUMN device_count;
