"""The finders of a log analysis: for duplicates, failures, refusals, restarts and alarms."""
