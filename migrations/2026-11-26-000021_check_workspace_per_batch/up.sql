-- PostgreSQL checked for each device that its workspace exists: a sixth of the cost of storing it.
-- All devices of a batch have one workspace, and the foreign key of the batch's audit event checks
-- it once, in the same transaction.
ALTER TABLE devices DROP CONSTRAINT devices_workspace_id_fkey;
