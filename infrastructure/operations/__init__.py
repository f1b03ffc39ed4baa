"""What operators run on a ledger: corrections, recovery, health checks."""
