"""What exchanges hand out of the past, read as fills, and taken in as cycles."""
