"""Sessions with a PostgreSQL server: pooled, bounded in time, with prepared statements."""
