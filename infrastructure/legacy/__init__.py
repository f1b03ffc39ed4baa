"""The legacy table: how its rows are read, what is doubtful about them, and how they become cycles."""
