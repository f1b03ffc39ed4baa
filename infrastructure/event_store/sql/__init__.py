"""What the two stores share: statements that differ only in spelling, and the parsing of what they return."""
