"""What `position-ledger bench` measures, one module a contestant or a question."""
