"""What a bot may ask, and how a request is read."""
