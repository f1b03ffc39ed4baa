"""Orders at a real exchange through a ccxt client, synchronous or of asyncio."""
