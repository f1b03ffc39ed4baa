"""What the ledger has, against which files are checked before they are imported."""
