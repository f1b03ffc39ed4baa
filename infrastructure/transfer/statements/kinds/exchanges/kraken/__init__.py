"""Kraken: the log of futures, and trades and ledgers on spot."""
