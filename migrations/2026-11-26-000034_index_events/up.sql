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
-- Batches: the first event of each. That of a batch without options has no batch_id.
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_first_of_batch_idx
    ON device_events (workspace_id, id)
    WHERE batch_id = id OR (batch_id IS NULL AND action = 'CREATED'
                            AND user_id IS NULL AND enrollment_id IS NULL);
