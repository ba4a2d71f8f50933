ALTER TABLE device_events DROP COLUMN client_request_id;
