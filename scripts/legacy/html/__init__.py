"""The page with the findings in a log."""
