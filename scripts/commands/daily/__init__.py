"""Commands for daily work: they create a ledger, write to it and show it."""
