"""The live page: a web server that follows a ledger and shows it to browsers; it records no event."""
