"""The flows of a trader: each is a generator that runs in a thread, in an asyncio task, or step by step in a test."""
