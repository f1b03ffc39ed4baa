"""Commands of every day: a ledger is made, written to and looked at."""
