"""Reading a legacy table: from a dump, from CSV, or from its database."""
