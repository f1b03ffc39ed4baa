"""Replication as a ledger sees it: what its server is to others, and reading from a copy of it."""
