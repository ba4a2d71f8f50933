-- NULL, and not an empty list or object, means that a device has no tags or no attributes: NULL takes
-- no space in the row, and no CHECK evaluates it. No column has a default, so that existing rows are
-- not rewritten.
ALTER TABLE devices
    ADD COLUMN model            text CHECK (char_length(model) BETWEEN 1 AND 255),
    ADD COLUMN asset_tag        text CHECK (char_length(asset_tag) BETWEEN 1 AND 64),
    -- The form in which asset tags are compared. The application writes it (ADR 4).
    ADD COLUMN asset_tag_folded text CHECK (char_length(asset_tag_folded) BETWEEN 1 AND 64),
    -- 20,424 bytes hold 50 tags of 100 characters, 4 bytes each, and their headers. Counting the
    -- characters would cost more than writing them.
    ADD COLUMN tags             text[]
        CHECK (cardinality(tags) BETWEEN 1 AND 50 AND array_position(tags, NULL) IS NULL
               AND pg_column_size(tags) <= 20424),
    -- The maximum size is that of 50 pairs: 64 characters of the key, 500 of the value, 4 bytes each.
    -- PostgreSQL has no function that counts the pairs, and counting would cost more than the insert.
    ADD COLUMN attributes       jsonb
        CHECK (jsonb_typeof(attributes) = 'object' AND pg_column_size(attributes) <= 113208),
    ADD CONSTRAINT devices_asset_tag_is_folded CHECK ((asset_tag IS NULL) = (asset_tag_folded IS NULL));

-- No two active devices of a workspace have the same asset tag. Devices without one cost nothing.
CREATE UNIQUE INDEX devices_asset_tag_key ON devices (workspace_id, asset_tag_folded)
    WHERE deleted_at IS NULL AND asset_tag_folded IS NOT NULL;
