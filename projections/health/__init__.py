"""What may be wrong with a ledger, and the command to run next."""
