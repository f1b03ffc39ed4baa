"""Fills of contracts, as interfaces of exchanges answer them that say of each whether it opens or closes."""
