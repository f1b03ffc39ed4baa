"""Walks through a whole ledger, by as many processes as there are processors."""
