ALTER TABLE audit_events DROP COLUMN interface;
ALTER TABLE device_events DROP COLUMN interface;
