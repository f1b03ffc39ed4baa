"""Bybit: executions, the transaction log, closed positions, and trades on spot."""
