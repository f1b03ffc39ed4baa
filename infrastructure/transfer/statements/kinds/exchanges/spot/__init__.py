"""Trades on spot of exchanges that report them separately from contracts, or in another form."""
