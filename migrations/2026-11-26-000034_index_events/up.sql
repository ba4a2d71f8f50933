-- Indexes of the event feed and of the lists of batches.

-- Events that no reader of the feed has asked for yet, in the order in which they are numbered.
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_unnumbered_idx
    ON device_events (workspace_id, occurred_at, id) WHERE feed_position IS NULL;
-- next step
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS device_events_feed_key
    ON device_events (workspace_id, feed_position) WHERE feed_position IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_batch_idx
    ON device_events (workspace_id, batch_id) WHERE batch_id IS NOT NULL;
-- next step
-- Batches without options.
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_plain_batch_idx
    ON device_events (workspace_id, id)
    WHERE action = 'CREATED' AND batch_id IS NULL AND user_id IS NULL AND enrollment_id IS NULL;
