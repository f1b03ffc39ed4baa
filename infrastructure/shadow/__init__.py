"""The shadow: what a bot still writes into its legacy table is mirrored into a ledger, and every divergence told."""
