"""The commands of the command line, one module each, grouped by who uses them."""
