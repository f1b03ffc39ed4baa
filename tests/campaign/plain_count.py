"""What a cycle holds, whether it is covered, and what it earned: counted from its events in the plainest way.

It reads the JSON that `history` prints, and knows nothing of how the ledger folds. Where the plain way is not enough,
as after a correction, it says nothing (None).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

_ENDS: Final = {"PositionClosed": "closed", "RolledBack": "rolled_back"}
_STEPS: Final = {"Activated": "active", "PositionAdopted": "active", "RollbackStarted": "rolling_back", **_ENDS}
_OPEN: Final = frozenset({"pending_entry", "entry_placed", "pending_sl", "active", "rolling_back"})
_NOT_PLAIN: Final = frozenset(
    {"FillCorrected", "PositionAdjusted", "PositionAdopted", "PositionImported", "RolledBack", "RollbackFailed"}
)
"""Events after which a sum of fills is not what is held, or earned."""
_INSIDE: Final = ("absorbed_qty", "is_seen", "withdrawn_qty", "residual_qty", "is_news")
"""What an event says when it is about something that was counted before."""


@dataclass
class PlainStop:
    """A stop at the exchange; a quantity of None is for all that is held."""

    price: Fraction
    quantity: Fraction | None
    locks_profit: bool = False


@dataclass
class PlainCycle:
    """One cycle, event by event."""

    status: str = ""
    side: str = ""
    protection: str = "exchange"
    held: Fraction = Fraction(0)
    average: Fraction | None = None
    stops: dict[str, PlainStop] = field(default_factory=dict)
    was_active: bool = False
    are_stops_hit: bool = False
    """Whether a stop, or a take profit, has filled something: what it still covers is more than plain."""
    entered: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    closed: Fraction = Fraction(0)
    brought: Fraction = Fraction(0)
    paid: dict[str | None, Fraction] = field(default_factory=dict)
    is_closed_as_a_whole: bool = False
    """Whether it was closed by no fill, of whose fee an event says the total alone."""
    is_plain: bool = True

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> PlainCycle:
        cycle = cls()
        for event in events:
            cycle.take(event["type"], event)
        return cycle

    def take(self, kind: str, event: Mapping[str, Any]) -> None:
        self.side = event.get("side") or self.side
        self.protection = event.get("protection", self.protection)
        self._step(kind, event)
        if (holding := event.get("holding")) is not None:
            self.held = Fraction(holding.get("quantity", "0"))
            average = holding.get("avg_px_open")
            self.average = None if average is None else Fraction(average)
        self._stop(kind, event)
        self._count(kind, event)

    def _step(self, kind: str, event: Mapping[str, Any]) -> None:
        before = self.status
        match kind:
            case "EntryRequested":
                self.status = "pending_entry"
            case "EntryPlaced" if before in ("", "pending_entry"):
                self.status = "entry_placed"
            case "StopLossSet" if before in ("pending_entry", "entry_placed"):
                self.status = "pending_sl"
            case "EntryFailed":
                self.status = "canceled" if event["outcome"] == "canceled" else "failed"
            case "PositionImported":
                self.status = event["status"]
            case _:
                self.status = _STEPS.get(kind, before)
        self.was_active = self.was_active or self.status == "active"
        if event.get("reopens"):
            self.status = "active" if self.was_active else "entry_placed"
            self.stops = {}

    def _stop(self, kind: str, event: Mapping[str, Any]) -> None:
        order = event.get("order") or ""
        match kind:
            case "StopLossSet":
                if not order:
                    self.stops = {}
                quantity = event["quantity"]
                self.stops[order or "stop.1"] = PlainStop(
                    Fraction(event["stop_price"]),
                    None if quantity is None else Fraction(quantity),
                    event.get("locks_profit", False),
                )
            case "StopLossLost":
                self.stops = {name: stop for name, stop in self.stops.items() if order not in ("", name)}
            case "OrderEnded":
                self.stops.pop(order, None)
            case "OrderReplaced" if order in self.stops:
                stop = self.stops[order]
                stop.price = stop.price if event.get("price") is None else Fraction(event["price"])
                stop.quantity = stop.quantity if event.get("quantity") is None else Fraction(event["quantity"])
            case "PositionImported" if event["stop_confirmed"] and event["stop_price"] is not None:
                self.stops["stop.1"] = PlainStop(Fraction(event["stop_price"]), None)
            case "PositionReduced" | "FillCorrected" | "RolledBack" if order.startswith(("stop", "target")):
                self.are_stops_hit = True
        if kind == "OrderEnded" and order.startswith(("stop", "target")) and event.get("filled_qty"):
            self.are_stops_hit = True

    def _count(self, kind: str, event: Mapping[str, Any]) -> None:
        self.is_plain = self.is_plain and kind not in _NOT_PLAIN and not any(map(event.get, _INSIDE))
        match kind:
            case "EntryFilled" | "PositionReduced":
                quantity, price = Fraction(event["last_qty"]), Fraction(event["last_px"])
                if kind == "EntryFilled":
                    self.entered, self.cost = self.entered + quantity, self.cost + quantity * price
                else:
                    self.closed, self.brought = self.closed + quantity, self.brought + quantity * price
                if event.get("fee") is not None:
                    currency = event.get("fee_currency")
                    self.paid[currency] = self.paid.get(currency, Fraction(0)) + Fraction(event["fee"])
            case "EntryPlaced" | "OrderEnded" if event.get("filled_qty") not in (None, "0"):
                self.is_plain = False  # a total, which is not added to fills
            case "CashRecorded" if event.get("trade_id") is not None:
                self.is_plain = False  # the fee of a fill that was told without one
            case "PositionClosed":
                self.is_closed_as_a_whole = True
                self.is_plain = self.is_plain and self.entered == self.closed  # else it names no fill

    @property
    def is_open(self) -> bool:
        return self.status in _OPEN

    @property
    def is_stray(self) -> bool:
        return bool(self.held) and not self.is_open

    @property
    def is_covered(self) -> bool | None:
        """Whether stops on the losing side of the average cover what is held; None where the plain way cannot say."""
        if self.are_stops_hit:
            return None
        if self.average is None:
            return False
        sign = 1 if self.side == "long" else -1
        live = [
            stop.quantity for stop in self.stops.values() if stop.locks_profit or sign * (self.average - stop.price) > 0
        ]
        if None in live:
            return True
        return bool(live) and sum((each for each in live if each is not None), Fraction(0)) >= self.held

    @property
    def quantity(self) -> Fraction | None:
        """What was entered less what was closed; None where fills do not say it."""
        return self.entered - self.closed if self.is_plain else None

    def fees(self, settle: str | None) -> dict[str | None, Fraction] | None:
        """What was paid, by currency, none said is that of the position; None where fills do not say it."""
        if not self.is_plain or self.is_closed_as_a_whole:
            return None
        paid: dict[str | None, Fraction] = {}
        for currency, fee in self.paid.items():
            named = settle if currency is None else currency
            paid[named] = paid.get(named, Fraction(0)) + fee
        return {currency: fee for currency, fee in paid.items() if fee}

    def profit(self, size: Fraction) -> Fraction | None:
        """What came in less what went out, of linear contracts, once nothing is held."""
        if not self.is_plain or self.entered != self.closed:
            return None
        gained = (self.brought - self.cost) * size
        return gained if self.side == "long" else -gained
