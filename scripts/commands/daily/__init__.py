"""Commands of every day: they create a ledger, write to it and show it."""
