"""Contracts of exchanges that say of each fill whether it opens or closes, or of how much a contract is."""
