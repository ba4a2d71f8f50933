-- The restoration of an archived device is an event of its own.
ALTER TABLE device_events
    DROP CONSTRAINT device_events_action_check,
    ADD CONSTRAINT device_events_action_check
        CHECK (action IN ('CREATED', 'UPDATED', 'DELETED', 'RESTORED'));
