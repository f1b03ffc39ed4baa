"""Structs as JSON: written as pydantic writes them, and read past it."""
