ALTER TABLE devices
    DROP CONSTRAINT devices_compliance_length,
    DROP CONSTRAINT devices_connection_type_length;
