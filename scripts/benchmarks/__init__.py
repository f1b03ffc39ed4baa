"""The measurements of `position-ledger bench`."""
