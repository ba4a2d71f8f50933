-- Requires the converted values of 000006, and drops what servers of the previous version used
-- instead. Those servers do not work on this schema.

-- No server writes a row between the check and the end of this transaction.
LOCK TABLE devices, users IN SHARE ROW EXCLUSIVE MODE;
DO $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE email_folded IS NULL)
        OR EXISTS (SELECT FROM devices WHERE NOT EXISTS (
            SELECT FROM search_documents
            WHERE search_documents.workspace_id = devices.workspace_id
              AND search_documents.device_id = devices.id))
    THEN
        RAISE EXCEPTION 'a server of the previous version stored devices or users during the '
            'migration: stop it, then run `devices-api migrate` again';
    END IF;
END $$;

DROP TRIGGER unconvert ON users;
DROP TRIGGER unconvert ON devices;
DROP FUNCTION unconvert_user, unconvert_device;

DROP VIEW device_documents;
DROP TABLE device_search_queue, device_search;
DROP FUNCTION device_document(devices);

DROP INDEX users_email_key;
ALTER TABLE users
    ALTER COLUMN email_folded SET NOT NULL,
    ALTER COLUMN search_document SET NOT NULL,
    DROP COLUMN document;
-- No two active users of a workspace share an email address.
CREATE UNIQUE INDEX users_email_key ON users (workspace_id, email_folded) WHERE deleted_at IS NULL;

DROP FUNCTION search_query, search_words, search_text;
