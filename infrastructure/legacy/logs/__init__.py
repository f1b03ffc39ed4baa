"""The analysis of an old bot's log: what it says about positions."""
