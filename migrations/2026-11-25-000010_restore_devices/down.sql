-- An earlier version knows a restoration only as a change of the device.
UPDATE device_events SET action = 'UPDATED' WHERE action = 'RESTORED';
ALTER TABLE device_events
    DROP CONSTRAINT device_events_action_check,
    ADD CONSTRAINT device_events_action_check CHECK (action IN ('CREATED', 'UPDATED', 'DELETED'));
