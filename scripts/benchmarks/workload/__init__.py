"""What a generated ledger holds."""
