"""The live page: a ledger followed for browsers, who may look, and what they are shown; nothing is written."""
