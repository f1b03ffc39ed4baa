"""A simulated exchange for tests: it matches orders, nets positions, records every order, and fails as real ones do."""
