"""Accounting of exits: how each is counted, and what was closed without a fill."""
