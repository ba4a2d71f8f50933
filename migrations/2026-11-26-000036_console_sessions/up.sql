-- Signed-in browsers of the web console. A session ends with its key, so that its row needs no
-- update: every use of the session reads the key, too.
CREATE TABLE console_sessions (
    workspace_id bigint NOT NULL,
    -- The token itself is stored nowhere. It is random and long, so that a plain hash is enough.
    token_sha256 bytea NOT NULL,
    key_id       bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    CONSTRAINT console_sessions_pkey PRIMARY KEY (workspace_id, token_sha256),
    CONSTRAINT console_sessions_token_sha256_check CHECK (octet_length(token_sha256) = 32)
);
-- The sessions of a key, whose oldest ones end.
CREATE INDEX console_sessions_key_idx ON console_sessions (workspace_id, key_id, created_at);
-- Expired sessions, which a job deletes.
CREATE INDEX console_sessions_expires_at_idx ON console_sessions (expires_at);
SELECT distribute_tenant_table('console_sessions');
ALTER TABLE console_sessions ADD CONSTRAINT console_sessions_key_fkey
    FOREIGN KEY (workspace_id, key_id) REFERENCES api_keys (workspace_id, id);
