"""Where events are kept: the port that a ledger needs, and its two stores."""
