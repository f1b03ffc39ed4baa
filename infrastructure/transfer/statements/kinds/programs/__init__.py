"""Files of trading programs, with the trades that they made."""
