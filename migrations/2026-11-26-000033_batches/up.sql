-- Batches with options, undone batches, and positions in the event feed (ADR 39 and 40).
ALTER TABLE device_events
    -- Batch of the event: the id of the first event of the batch. NULL for the event of a batch
    -- without options, which is its only event, and for changes outside of batches.
    ADD COLUMN batch_id bigint,
    -- Position in the event feed of the workspace. NULL until a reader of the feed asks for events.
    ADD COLUMN feed_position bigint;
ALTER TABLE device_events DROP CONSTRAINT device_events_action_check;
ALTER TABLE device_events ADD CONSTRAINT device_events_action_check
    CHECK (action IN ('CREATED', 'UPDATED', 'DELETED', 'RESTORED', 'UNDONE')) NOT VALID;
ALTER TABLE device_events DROP CONSTRAINT device_events_subject;
-- The subject of UNDONE is the batch.
ALTER TABLE device_events ADD CONSTRAINT device_events_subject CHECK (
    (cardinality(device_ids) > 0)::int + (user_id IS NOT NULL)::int
        + (enrollment_id IS NOT NULL)::int + (action = 'UNDONE')::int = 1) NOT VALID;
ALTER TABLE device_events ADD CONSTRAINT device_events_undone_batch
    CHECK (action <> 'UNDONE' OR batch_id IS NOT NULL) NOT VALID;

-- Number of the batch whose response is stored. NULL for responses of earlier versions.
ALTER TABLE idempotency_keys ADD COLUMN batch_id bigint;

-- Batches with options. A batch without options has only its event.
CREATE TABLE batches (
    workspace_id    bigint NOT NULL,
    -- Id of the first event of the batch.
    id              bigint NOT NULL,
    on_conflict     text NOT NULL,
    is_atomic       boolean NOT NULL,
    row_count       integer NOT NULL,
    created_count   integer NOT NULL,
    updated_count   integer NOT NULL,
    unchanged_count integer NOT NULL,
    skipped_count   integer NOT NULL,
    failed_count    integer NOT NULL,
    CONSTRAINT batches_pkey PRIMARY KEY (workspace_id, id),
    CONSTRAINT batches_on_conflict_check CHECK (on_conflict IN ('error', 'skip', 'update')),
    CONSTRAINT batches_counts_check CHECK (
        least(created_count, updated_count, unchanged_count, skipped_count, failed_count) >= 0
        AND row_count = created_count + updated_count + unchanged_count + skipped_count + failed_count)
);
SELECT distribute_tenant_table('batches');
-- A batch ends with its event.
ALTER TABLE batches ADD CONSTRAINT batches_event_fkey FOREIGN KEY (workspace_id, id)
    REFERENCES device_events (workspace_id, id) ON DELETE CASCADE;

-- The event feed of a workspace. Readers number its events one after the other.
CREATE TABLE event_feeds (
    workspace_id    bigint NOT NULL,
    -- Position of the last numbered event.
    last_position   bigint NOT NULL,
    -- Events up to this position may have been purged.
    purged_position bigint NOT NULL,
    -- Time of the last read, with a precision of a minute. NULL for a feed that was never read.
    read_at         timestamptz,
    CONSTRAINT event_feeds_pkey PRIMARY KEY (workspace_id),
    CONSTRAINT event_feeds_positions_check CHECK (purged_position BETWEEN 0 AND last_position)
);
SELECT distribute_tenant_table('event_feeds');
ALTER TABLE event_feeds ADD CONSTRAINT event_feeds_workspace_fkey FOREIGN KEY (workspace_id)
    REFERENCES workspaces (id);
