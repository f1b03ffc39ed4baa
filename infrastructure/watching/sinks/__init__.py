"""Where alarms go to: an address of the web, a chat, a program, a log."""
