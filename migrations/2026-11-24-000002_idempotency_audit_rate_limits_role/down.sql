ALTER TABLE api_keys DROP COLUMN secret_prefix, DROP COLUMN last_used_at;
DROP TABLE rate_limits, device_events, idempotency_keys;
-- The role may serve another database of this server: only what it may do in this one is taken back.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'fleet_devices_serving') THEN
        REVOKE ALL ON ALL TABLES IN SCHEMA public FROM fleet_devices_serving;
        REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM fleet_devices_serving;
        REVOKE ALL ON SCHEMA public FROM fleet_devices_serving;
    END IF;
END $$;
