"""Replication: how the server of a ledger is replicated, and reading a ledger on a replica."""
