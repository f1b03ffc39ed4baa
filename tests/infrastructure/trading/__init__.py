"""Tests of the orders that a bot sends, also when it is stopped at any step."""
