"""Simulated bots at a simulated exchange: bots with the old table compared with bots that use the ledger."""
