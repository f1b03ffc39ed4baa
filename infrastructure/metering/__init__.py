"""The figures of a ledger as metrics for Prometheus."""
