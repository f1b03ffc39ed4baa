"""The orders of a cycle."""
