"""What is measured: the ledger, and what it replaces."""
