"""The cleanup of what an old bot left behind: in a legacy table by changing rows, in a ledger by sending commands."""
