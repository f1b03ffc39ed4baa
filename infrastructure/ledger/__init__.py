"""The ledger: commands in, receipts out, and the questions that it answers."""
