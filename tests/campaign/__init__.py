"""The ledger against an oracle in fractions: conversations of every kind, on both databases."""
