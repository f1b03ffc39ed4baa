"""What a ledger relies on in a PostgreSQL server, proven on the server itself, in a schema of its own."""
