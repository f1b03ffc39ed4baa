"""Where the old way doubled an order: its scenarios, played by threads against each way of keeping positions."""
