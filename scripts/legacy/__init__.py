"""Commands that end with the cut-over from a legacy table."""
