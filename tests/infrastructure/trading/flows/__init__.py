"""Tests of what a bot sends, and of what becomes of it when it is stopped at any step."""
