"""The words that a store shares with whoever uses it: moments, places, sums, cautions, why nothing was written."""
