"""The history of a key as narratives, one for each cycle: the same for a terminal, a file and the live page."""
