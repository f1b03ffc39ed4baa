"""The ledger compared with an oracle that counts in fractions: random conversations on both databases."""
