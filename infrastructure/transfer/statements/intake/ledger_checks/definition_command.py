"""The command that defines an instrument, as errors and findings of an import show it."""

from __future__ import annotations

from domain.identifiers import PositionKey
from projections.health.checks import advised


def definition_command(key: PositionKey, *terms: str) -> str:
    """The command line that defines the `terms` of a key: `--contract-size`, `10`."""
    return advised("instruments", key, "--leg", key.leg, *terms, "--confirm", "--reason", "TEXT")
