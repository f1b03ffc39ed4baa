"""The contestants that are compared: the ledger, and the ways of storing positions that it replaces."""
