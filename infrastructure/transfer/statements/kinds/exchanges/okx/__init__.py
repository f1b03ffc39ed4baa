"""OKX: fills, bills, closed positions, and the trading history of its website."""
