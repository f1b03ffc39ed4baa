"""The command that defines an instrument, as errors and findings of an import show it."""

from __future__ import annotations

from domain.identifiers import PositionKey


def definition_command(key: PositionKey, terms: str) -> str:
    """The command line that defines the `terms` of a key: `--contract-size 10`."""
    account = f" --account {key.account}" if key.account else ""
    return (
        f"position-ledger instruments --symbol {key.symbol} --exchange {key.exchange}{account} --leg {key.leg} "
        f"{terms} --confirm --reason TEXT"
    )
