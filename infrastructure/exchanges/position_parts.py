"""Several rows of one symbol: as two legs, or as one position in several margin modes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from domain.identifiers import PositionKey
from domain.values import EXACT, Leg, Side, rounded, total_of
from projections.account_snapshot import PositionPart, PositionReport


def with_legs(seen: Sequence[PositionReport]) -> list[PositionReport]:
    """Give positions of both sides of one symbol their legs, where the exchange does not state them."""
    sides: dict[PositionKey, set[Side]] = {}
    for position in seen:
        sides.setdefault(position.key, set()).add(position.side)
    return [
        replace(position, key=replace(position.key, leg=Leg[position.side.name]))
        if position.key.leg is Leg.BOTH and len(sides[position.key]) > 1
        else position
        for position in seen
    ]


def joined(seen: Sequence[PositionReport]) -> Iterator[PositionReport | PositionKey]:
    """Every key once: positions in several margin modes (or with ids of their own) are added up.

    Shape: only the key, where two positions of it differ by neither: it is not known which of them is true.
    """
    by_key: dict[PositionKey, list[PositionReport]] = {}
    for position in seen:
        rows = by_key.setdefault(position.key, [])
        if position not in rows:  # a row may be repeated if it moved to the next page while the pages were read
            rows.append(position)
    for key, rows in by_key.items():
        if len(rows) == 1:
            yield rows[0]
        else:
            modes, ids = [row.margin_mode for row in rows], [row.reported_id for row in rows]
            names = next((each for each in (modes, ids) if None not in each and len({*each}) == len(rows)), None)
            yield key if names is None else _sum(key, rows, names)


def _sum(key: PositionKey, rows: list[PositionReport], names: Sequence[str | None]) -> PositionReport:
    side, quantity = rows[0].side, total_of(row.quantity for row in rows)
    stops = [row.stop_price for row in rows if row.stop_price is not None]
    furthest = min if side is Side.LONG else max
    return PositionReport(
        key=key,
        side=side,
        quantity=quantity,
        avg_px_open=_average(rows, quantity),
        contract_size=rows[0].contract_size,
        mark_price=rows[0].mark_price,
        stop_price=furthest(stops) if len(stops) == len(rows) else None,
        parts=tuple(PositionPart(str(name), row.quantity, row.in_words) for name, row in zip(names, rows, strict=True)),
    )


def _average(rows: list[PositionReport], quantity: Decimal) -> Decimal | None:
    """The average entry of the sum; None if one is not known, or for inverse contracts, which average differently."""
    prices = [(row.avg_px_open, row.quantity) for row in rows]
    if ":" in rows[0].key.symbol or any(price is None for price, _ in prices):
        return None
    cost = total_of(EXACT.multiply(price, held) for price, held in prices if price is not None)
    return rounded(EXACT.divide(cost, quantity))
