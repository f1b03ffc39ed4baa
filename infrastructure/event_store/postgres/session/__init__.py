"""Sessions with a PostgreSQL server: a pool, timeouts for every wait, and prepared statements."""
