DROP TABLE usage_changes, usage_counts;
