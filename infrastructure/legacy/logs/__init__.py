"""What an old bot's log says about its positions."""
