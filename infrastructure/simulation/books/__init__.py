"""The state of a simulated exchange: its orders, positions and planned faults, and the rules of matching."""
