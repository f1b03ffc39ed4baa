"""Writing into PostgreSQL: the append, and the bulk load of many events."""
