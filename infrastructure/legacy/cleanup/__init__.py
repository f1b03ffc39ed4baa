"""Repairing a legacy table: the plan, the backup, and the changes."""
