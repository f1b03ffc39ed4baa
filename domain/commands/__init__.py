"""The commands that a bot may send, and how they are validated."""
