"""What a simulated exchange keeps: orders, what is held, and what goes wrong next."""
