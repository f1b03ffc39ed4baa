"""Commands that demonstrate and measure the ledger."""
