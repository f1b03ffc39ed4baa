"""Accounting of exits: how each is counted, what it changed, and what was closed without a fill so far."""
