"""What writes into PostgreSQL: the append, and many of them at once."""
