"""From the bytes of log files to their records."""
