"""What is compared beside side and quantity: stops on record, strays, units, balances."""
