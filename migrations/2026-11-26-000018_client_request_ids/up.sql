-- The id that the client gave the request. `request_id` is the server's own.
ALTER TABLE device_events
    ADD COLUMN client_request_id text,
    -- No row has a value yet. Validating the constraint would scan the table while it is locked.
    ADD CONSTRAINT device_events_client_request_id_check
        CHECK (char_length(client_request_id) BETWEEN 1 AND 128) NOT VALID;
