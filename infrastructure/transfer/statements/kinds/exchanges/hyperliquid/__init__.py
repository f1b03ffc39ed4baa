"""Hyperliquid: fills, funding, and the names of pairs on spot."""
