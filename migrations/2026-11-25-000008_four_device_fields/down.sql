ALTER TABLE devices
    DROP COLUMN attributes,
    DROP COLUMN tags,
    DROP COLUMN asset_tag_folded,
    DROP COLUMN asset_tag,
    DROP COLUMN model;
