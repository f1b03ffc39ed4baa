"""From a record of a log to the facts that it states."""
