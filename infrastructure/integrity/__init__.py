"""The audit of a ledger: whether everything that is stored agrees with the events, and with anchors of the past."""
