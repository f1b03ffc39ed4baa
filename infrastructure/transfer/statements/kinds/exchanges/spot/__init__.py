"""Trades on spot, where an exchange tells of them apart from its contracts, or in another way."""
