"""A watch over a ledger: it finds what is wrong, sends notices to sinks, and stores its memory in the ledger."""
