"""What an auditor reads: anomalies, the narrative of a cycle, the report of a ledger."""
