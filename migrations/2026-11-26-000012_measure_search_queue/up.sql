-- Lets the index job and the searches measure the queue without reading its arrays (ADR 28). Both
-- columns are filled for servers of the previous version, too. Rewrites the queue, which is short
-- except during an import.
ALTER TABLE search_queue
    ADD COLUMN device_count integer NOT NULL GENERATED ALWAYS AS (cardinality(device_ids)) STORED,
    ADD COLUMN queued_at    timestamptz NOT NULL DEFAULT now();
-- The job processes one workspace after the other, in the order of the primary key.
DROP INDEX search_queue_id_idx;

-- The check took a fifth of the time to index a device. Documents come from the transaction that
-- stored the device, and only the owner of the tables deletes devices.
ALTER TABLE search_documents DROP CONSTRAINT search_documents_device_fkey;
