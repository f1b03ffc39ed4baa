"""Commands for proof: a ledger is checked, folded anew, and taken elsewhere."""
