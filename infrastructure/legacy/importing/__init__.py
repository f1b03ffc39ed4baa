"""Taking a legacy table into a ledger, row for row."""
