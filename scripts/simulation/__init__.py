"""Bots and an exchange to play them against: the old way beside the ledger."""
