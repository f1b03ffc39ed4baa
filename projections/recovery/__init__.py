"""What is unfinished, which order it needs, and what the evidence leads to."""
