"""The shadow: what a bot writes into its legacy table, replicated into a ledger, and every divergence reported."""
