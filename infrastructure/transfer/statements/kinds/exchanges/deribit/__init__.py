"""Deribit: trades, and the transaction log."""
