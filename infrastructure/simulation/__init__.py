"""An exchange for tests: it nets orders into positions, counts what a bot did to it, and goes wrong as real ones do."""
