"""Comparisons beside side and quantity: recorded stops, strays, units, balances."""
