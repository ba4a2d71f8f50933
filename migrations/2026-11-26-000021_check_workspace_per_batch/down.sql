ALTER TABLE devices ADD CONSTRAINT devices_workspace_id_fkey
    FOREIGN KEY (workspace_id) REFERENCES workspaces (id) NOT VALID;
