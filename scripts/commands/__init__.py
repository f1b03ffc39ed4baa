"""The commands of the command line, a module each, in the groups of a day's work."""
