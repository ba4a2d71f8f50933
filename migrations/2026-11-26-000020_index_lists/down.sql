DROP INDEX devices_updated_at_idx, devices_archived_idx, devices_lifecycle_idx, devices_available_idx,
    users_updated_at_idx, devices_mdm_updated_at_idx;
