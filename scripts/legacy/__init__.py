"""Commands for the cut-over from a legacy table; they are removed after it."""
