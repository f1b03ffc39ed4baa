"""Closed positions, one per line, which exchanges list in addition to fills."""
