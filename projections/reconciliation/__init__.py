"""What an exchange reports beside what the ledger holds, and the commands that would make them agree."""
