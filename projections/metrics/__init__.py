"""Figures about cycles, and the objectives that they are held to."""
