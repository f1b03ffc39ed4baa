"""Taking a ledger out of its database, and into another one."""
