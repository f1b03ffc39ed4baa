"""The flows of a trader: each is one generator, run by threads, by tasks, and step by step by tests."""
