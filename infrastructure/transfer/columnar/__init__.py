"""Exports with one row per record: CSV and Parquet."""
