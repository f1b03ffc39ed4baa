"""What the two stores share: statements that differ in spelling alone, and what is made of their answers."""
