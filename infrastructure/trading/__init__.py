"""The bot's half: orders sent once, protected as they fill, undone where they cannot be, and taken up after a crash."""
