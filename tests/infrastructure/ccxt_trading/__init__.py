"""Orders through real ccxt clients, of both kinds, against a server on the loopback."""
