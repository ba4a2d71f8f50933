DROP TRIGGER unconvert ON users;
DROP TRIGGER unconvert ON devices;
DROP FUNCTION unconvert_user, unconvert_device;
DROP VIEW searchable_devices;
DROP TABLE search_queue, search_documents;
ALTER TABLE devices DROP COLUMN category_folded, DROP COLUMN type_folded;
ALTER TABLE users DROP COLUMN search_document, DROP COLUMN email_folded;
