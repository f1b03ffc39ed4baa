"""Positions that are over, a line each, as exchanges list them beside their fills."""
