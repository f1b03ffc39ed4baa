"""What is looked for in a log: duplicates, failures, refusals, restarts, alarms."""
