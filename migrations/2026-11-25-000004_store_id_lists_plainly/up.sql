-- To compress the ids of a large batch takes longer than to write them, and is done twice.
ALTER TABLE device_events ALTER COLUMN device_ids SET STORAGE EXTERNAL;
ALTER TABLE device_search_queue ALTER COLUMN device_ids SET STORAGE EXTERNAL;
