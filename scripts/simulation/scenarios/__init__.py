"""The situations in which the old bot doubled an order, played by threads for each way of keeping positions."""
