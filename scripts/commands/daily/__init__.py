"""Commands of every day: init, record, positions, history, stats, report."""
