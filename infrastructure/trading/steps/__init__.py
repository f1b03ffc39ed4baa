"""What flows are put together from: finding an order, following its fills, covering and undoing what is held."""
