"""One spelling for one instrument: as ccxt writes it, as its exchange does, or as a chart or a framework does."""
