"""Converting a snapshot to the units in which the ledger counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import partial

from domain.identifiers import PositionKey
from domain.instrument import ONE
from domain.values import EXACT, Leg, plain, rounded
from projections.account_snapshot import AccountSnapshot, PositionReport
from projections.reconciliation.stream_state import StreamState


def in_units_of(snapshot: AccountSnapshot, known: Iterable[StreamState]) -> AccountSnapshot:
    """The snapshot in the units of the ledger: in contracts where the instrument is defined with a contract size."""
    sizes = {state.key.symbol: state.contract_size for state in known if state.contract_size != ONE}
    if not sizes:
        return snapshot

    def counted(quantity: Decimal, symbol: str) -> Decimal:
        return rounded(EXACT.divide(quantity, sizes.get(symbol, ONE)))

    positions = snapshot.positions and tuple(
        replace(
            each,
            quantity=counted(each.quantity, each.key.symbol),
            contract_size=counted(each.contract_size, each.key.symbol),
        )
        for each in snapshot.positions
    )
    orders = snapshot.orders and tuple(
        each.in_units(partial(counted, symbol=each.key.symbol)) for each in snapshot.orders
    )
    return replace(snapshot, positions=positions, orders=orders)


def undefined_unit(state: StreamState, position: PositionReport) -> str | None:
    """How to define an instrument that the exchange counts in contracts; None if that is done, or not needed."""
    size = position.contract_size
    if state.terms is not None or size == ONE:
        return None
    fields = {**_named(state.key), "contract_size": plain(size)}
    if state.row is not None:
        fields |= {"force": True, "reason": f"contracts of {plain(size)}"}
    return (
        f"the exchange counts contracts of {plain(size)}, and nobody defined what one of a quantity is here: it is "
        f"taken for one unit, of which the exchange holds {plain(position.quantity)}. If the bot sends contracts, "
        f"{json.dumps(fields)} counts so from the next cycle on; if it sends units, say contract_size 1 in the same way"
    )


def _named(key: PositionKey) -> dict[str, object]:
    named: dict[str, object] = {"command": "define_instrument", "symbol": key.symbol, "exchange": key.exchange}
    if key.account is not None:
        named["account"] = key.account
    if key.leg is not Leg.BOTH:
        named["leg"] = key.leg.value
    return named
