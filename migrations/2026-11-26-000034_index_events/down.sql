DROP INDEX device_events_unnumbered_idx, device_events_feed_key, device_events_batch_idx,
    device_events_first_of_batch_idx;
