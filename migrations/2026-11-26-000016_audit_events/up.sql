-- Audit events of administration and exports. Changes that requests make to devices, users and
-- enrolments are in device_events. A table of its own needs no change of that one, which is large.
CREATE TABLE audit_events (
    workspace_id      bigint NOT NULL REFERENCES workspaces (id),
    -- The ids of both tables come from one sequence, so that they give all events one order.
    id                bigint NOT NULL DEFAULT nextval('device_events_id_seq'),
    occurred_at       timestamptz NOT NULL DEFAULT now(),
    action            text NOT NULL CHECK (action IN (
                          'CREATED', 'UPDATED', 'DELETED', 'RESTORED', 'ROTATED', 'REVOKED',
                          'EXPORTED', 'ERASED', 'PURGED')),
    -- The author: the key of a request, or the operating system user who ran a command.
    key_id            bigint,
    request_id        text CHECK (char_length(request_id) BETWEEN 1 AND 128),
    client_request_id text CHECK (char_length(client_request_id) BETWEEN 1 AND 128),
    operator          text CHECK (char_length(operator) BETWEEN 1 AND 255),
    -- The subject. An event without any is about the workspace, or about many of its objects.
    device_ids        bigint[] NOT NULL DEFAULT '{}',
    user_id           bigint,
    enrollment_id     bigint,
    api_key_id        bigint,
    -- Names of changed fields, or of the filters of an export. Values are not recorded.
    fields            text[] NOT NULL DEFAULT '{}' CHECK (cardinality(fields) <= 100),
    -- Number of objects that were exported or purged, if known.
    item_count        bigint CHECK (item_count >= 0),
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT audit_events_key_fkey FOREIGN KEY (workspace_id, key_id)
        REFERENCES api_keys (workspace_id, id),
    CONSTRAINT audit_events_author CHECK (
        (key_id IS NULL) = (request_id IS NULL) AND (key_id IS NULL) <> (operator IS NULL)),
    CONSTRAINT audit_events_subject CHECK (
        (cardinality(device_ids) > 0)::int + (user_id IS NOT NULL)::int
            + (enrollment_id IS NOT NULL)::int + (api_key_id IS NOT NULL)::int <= 1)
);
CREATE INDEX audit_events_occurred_at_idx ON audit_events (workspace_id, occurred_at);
