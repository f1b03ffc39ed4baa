"""Figures about cycles, and the objectives that they have to meet."""
