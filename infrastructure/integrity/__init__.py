"""The audit: what is kept is what was written."""
