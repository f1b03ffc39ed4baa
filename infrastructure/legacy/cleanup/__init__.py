"""Repairing a legacy table: the plan, the backup, the changes."""
