"""What each program and each exchange writes of the past, one module a kind."""
