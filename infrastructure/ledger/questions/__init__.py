"""What is asked of a ledger: its positions now and at a moment of the past, their history, and who took what over."""
