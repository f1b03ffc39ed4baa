"""Types that a store shares with its callers: moments, places, sums, cautions, and why nothing was written."""
