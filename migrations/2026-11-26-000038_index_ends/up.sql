-- Indexes for lists of devices by the end of their warranty or rental, and of those without a brand.
-- The id gives the devices of one day their order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_warranty_end_idx
    ON devices (workspace_id, client_warranty_end_date, id)
    WHERE deleted_at IS NULL AND client_warranty_end_date IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_rental_end_idx
    ON devices (workspace_id, client_rental_end_date, id)
    WHERE deleted_at IS NULL AND client_rental_end_date IS NOT NULL;
-- next step
CREATE INDEX CONCURRENTLY IF NOT EXISTS devices_without_brand_idx ON devices (workspace_id, id)
    WHERE deleted_at IS NULL AND brand IS NULL;
