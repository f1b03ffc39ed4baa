"""The steps of flows: finding an order, following its fills, placing stops, and rolling back."""
