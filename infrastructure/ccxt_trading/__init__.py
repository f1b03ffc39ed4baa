"""Orders at a real exchange through a ccxt client, either synchronous or for asyncio."""
