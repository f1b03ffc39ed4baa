"""Proofs that a PostgreSQL server guarantees what a ledger needs, made on the server itself in a scratch schema."""
