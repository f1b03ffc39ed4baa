"""Where the old way doubled an order, played by threads against each way of keeping positions."""
