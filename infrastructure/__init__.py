"""Where positions are kept and whom the ledger talks to; imports domain and projections."""
