"""A watch over a ledger: who rings, for whom, and what it remembers."""
