"""Cleaning up what went wrong before: in a legacy table by changing rows, in a ledger by sending commands."""
