"""Questions to a ledger: positions now and at a past moment, their history, and which cycle took over a stray."""
