"""The simulated exchange over HTTP on the loopback, with the routes that ccxt clients call."""
