"""The facts that a record of a log states."""
