"""Walks through a whole ledger, shared between processes."""
