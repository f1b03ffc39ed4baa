"""Exporting a ledger, importing it into another database, and importing statements of exchanges and programs."""
