"""Change data capture: the trigger on the legacy table, its outbox, and the changes read from it."""
