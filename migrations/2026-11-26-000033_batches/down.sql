DROP TABLE event_feeds, batches;
ALTER TABLE idempotency_keys DROP COLUMN batch_id;
DELETE FROM device_events WHERE action = 'UNDONE';
ALTER TABLE device_events DROP CONSTRAINT device_events_undone_batch;
ALTER TABLE device_events DROP CONSTRAINT device_events_subject;
ALTER TABLE device_events ADD CONSTRAINT device_events_subject CHECK (
    (cardinality(device_ids) > 0)::int + (user_id IS NOT NULL)::int
        + (enrollment_id IS NOT NULL)::int = 1);
ALTER TABLE device_events DROP CONSTRAINT device_events_action_check;
ALTER TABLE device_events ADD CONSTRAINT device_events_action_check
    CHECK (action IN ('CREATED', 'UPDATED', 'DELETED', 'RESTORED'));
ALTER TABLE device_events DROP COLUMN feed_position, DROP COLUMN batch_id;
