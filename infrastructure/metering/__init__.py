"""The figures of a ledger, as Prometheus collects them."""
