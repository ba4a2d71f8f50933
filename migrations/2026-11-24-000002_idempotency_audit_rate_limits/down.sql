ALTER TABLE api_keys DROP COLUMN secret_prefix, DROP COLUMN last_used_at, DROP COLUMN retires_at;
DROP TABLE rate_limits, device_events, idempotency_keys;
