"""What closed: how each exit counts, what it did, and what is not explained yet."""
