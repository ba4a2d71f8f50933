-- Interface through which a request came. NULL for the HTTP API, which most events come from, and
-- for commands.
ALTER TABLE device_events ADD COLUMN interface text;
ALTER TABLE device_events ADD CONSTRAINT device_events_interface_check
    CHECK (interface IN ('API', 'CONSOLE')) NOT VALID;
ALTER TABLE audit_events ADD COLUMN interface text;
ALTER TABLE audit_events ADD CONSTRAINT audit_events_interface_check
    CHECK (interface IN ('API', 'CONSOLE')) NOT VALID;
