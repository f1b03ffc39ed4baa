"""CSV exports of exchanges' websites that differ from the answers of their APIs."""
