-- The token bucket of each workspace. Half of a page is left free, so that updates stay in it.
CREATE TABLE workspace_rate_limits (
    workspace_id bigint PRIMARY KEY REFERENCES workspaces (id),
    tokens       double precision NOT NULL,
    -- True if the last request found a token.
    passed       boolean NOT NULL,
    refilled_at  timestamptz NOT NULL
) WITH (fillfactor = 50);
