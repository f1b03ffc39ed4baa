"""Tests of the flows of a bot, also when it is stopped at any step."""
