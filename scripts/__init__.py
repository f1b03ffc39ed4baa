"""What people and bots run: the command line, one module a command; nothing imports it."""
