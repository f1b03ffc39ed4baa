"""Reconciliation: comparing account snapshots with the ledger, and the commands that would make them agree."""
