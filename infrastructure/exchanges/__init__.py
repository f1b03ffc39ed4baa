"""Reading account snapshots: saved by an old bot, as ccxt structures, or live."""
