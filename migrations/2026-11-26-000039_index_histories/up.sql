-- Indexes for the histories of single objects. The events of new devices are found by the time at
-- which the device was created, so that creating devices costs nothing here.

-- Changes of one device.
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_device_idx
    ON device_events (workspace_id, (device_ids[1]), id)
    WHERE cardinality(device_ids) = 1 AND action <> 'CREATED';
-- next step
-- Changes of several devices.
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_devices_idx
    ON device_events USING gin (workspace_id, device_ids)
    WHERE cardinality(device_ids) > 1 AND action <> 'CREATED';
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_user_idx
    ON device_events (workspace_id, user_id, id) WHERE user_id IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS device_events_enrollment_idx
    ON device_events (workspace_id, enrollment_id, id) WHERE enrollment_id IS NOT NULL;
-- next step
-- Administration of users and keys, and erasures. Most audit events are about no single object.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_devices_idx
    ON audit_events USING gin (workspace_id, device_ids) WHERE cardinality(device_ids) > 0;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_user_idx
    ON audit_events (workspace_id, user_id, id) WHERE user_id IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_enrollment_idx
    ON audit_events (workspace_id, enrollment_id, id) WHERE enrollment_id IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_key_subject_idx
    ON audit_events (workspace_id, api_key_id, id) WHERE api_key_id IS NOT NULL;
