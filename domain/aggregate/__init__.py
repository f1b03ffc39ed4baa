"""The aggregate of a stream: its state, and the row that readers see."""
