-- An earlier version knows no ADMIN. Of its privileges, WRITE has all that this version knows.
UPDATE api_keys SET scope = 'WRITE' WHERE scope = 'ADMIN';
ALTER TABLE api_keys DROP CONSTRAINT api_keys_scope_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scope_check CHECK (scope IN ('READ', 'WRITE'));
