DROP TABLE devices_mdm;
DROP TABLE devices;
DROP TABLE api_keys;
DROP TABLE users;
DROP TABLE workspaces;
