-- What 50 items of 100 characters hold together. An item's own limit would need a function, which
-- costs more for each row than writing it.
ALTER TABLE devices
    ADD CONSTRAINT devices_compliance_length CHECK (char_length(array_to_string(compliance, '')) <= 5000),
    ADD CONSTRAINT devices_connection_type_length CHECK (char_length(array_to_string(connection_type, '')) <= 5000);
