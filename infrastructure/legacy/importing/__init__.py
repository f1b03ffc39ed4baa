"""The import of a legacy table into a ledger, row by row."""
