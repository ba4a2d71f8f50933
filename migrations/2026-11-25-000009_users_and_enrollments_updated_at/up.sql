-- Time of the last change, which the lists filter by. Existing rows get the time of this migration:
-- changes before it were not recorded. A default that is constant for the statement is stored once
-- for all of them, so the tables are not rewritten
-- (https://www.postgresql.org/docs/current/ddl-alter.html#DDL-ALTER-ADDING-A-COLUMN).
--
-- No index: an index on the column would prevent heap-only-tuple updates of the enrolments, which
-- device management reports again and again. The lists read a whole workspace to count it anyway.
ALTER TABLE users ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE devices_mdm ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
