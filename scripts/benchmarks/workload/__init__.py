"""The content of a generated ledger."""
