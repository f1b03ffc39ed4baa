"""Reports for an auditor: anomalies, the narrative of a cycle, the report of a ledger."""
