-- Each batch is a transaction. A batch that is interrupted is converted by the next run.
DO $$
DECLARE
    last bigint := 0;
BEGIN
    LOOP
        WITH batch AS (
            SELECT id FROM items WHERE id > last ORDER BY id LIMIT 100
        ), converted AS (
            UPDATE items SET folded = lower(name) FROM batch
            WHERE items.id = batch.id AND items.folded IS NULL
        )
        SELECT max(id) INTO last FROM batch;
        COMMIT;
        EXIT WHEN last IS NULL;
    END LOOP;
END $$;

-- next step
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS items_folded_key ON items (folded);

-- next step
ALTER TABLE items
    DROP CONSTRAINT IF EXISTS items_folded_check,
    ADD CONSTRAINT items_folded_check CHECK (folded IS NOT NULL) NOT VALID;

-- next step
ALTER TABLE items VALIDATE CONSTRAINT items_folded_check;
