"""freqtrade: the database of a bot, and the result of a backtest."""
