"""How snapshots of an exchange are read: as an old bot saved them, as ccxt structures, or live."""
