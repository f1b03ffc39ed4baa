"""Binance: trades, payments and positions of futures, and trades on spot."""
