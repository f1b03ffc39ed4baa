"""Normalising symbols and exchange names: spellings of ccxt, of exchanges, of charts and of frameworks."""
