"""The command line for people and bots, with one module for each command; no other layer imports it."""
