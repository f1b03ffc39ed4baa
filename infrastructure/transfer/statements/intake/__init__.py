"""From facts to events: the facts of all files are sorted, decided key by key in memory, and written in bulk."""
