"""Exports with one row a record: CSV and Parquet."""
