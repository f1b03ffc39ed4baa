"""The simulated exchange over HTTP on the loopback, in the routes that the clients of ccxt call."""
