DROP INDEX device_events_device_idx, device_events_devices_idx, device_events_user_idx,
    device_events_enrollment_idx, audit_events_devices_idx, audit_events_user_idx,
    audit_events_enrollment_idx, audit_events_key_subject_idx;
