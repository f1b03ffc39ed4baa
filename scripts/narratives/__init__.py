"""What happened to a key, told cycle by cycle: the same for a terminal, a file and the live page."""
