"""A stream as it is remembered: the aggregate, its state, and what readers see of it."""
