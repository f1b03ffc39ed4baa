"""Contracts of exchanges that state of each fill whether it opens or closes, or how large a contract is."""
