"""The legacy table and log of the old bot: reading, checking, importing, repairing and replicating them."""
