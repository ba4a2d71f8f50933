-- Keys of the scope ADMIN manage the keys of their workspace (ADR 43).
ALTER TABLE api_keys DROP CONSTRAINT api_keys_scope_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_scope_check
    CHECK (scope IN ('READ', 'WRITE', 'ADMIN'));
