"""What is true of positions: no I/O, no clock, no randomness, no float; imports nothing of ours."""
