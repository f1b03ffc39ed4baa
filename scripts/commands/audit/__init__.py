"""Commands for auditors: they verify and rebuild a ledger, and export and import it."""
