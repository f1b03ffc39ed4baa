"""Corrections: commands that make the ledger agree with the exchange, expecting the versions that were compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domain.commands.base import Command
from domain.commands.requests import Adjust, Adopt, Close, LoseStopLoss, SetStopLoss
from domain.orders.order import Order
from domain.values import Source, Status
from domain.writing import as_dictionary
from projections.account_snapshot import OrderReport, PositionReport
from projections.positions import PositionRow
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.result import Reconciliation
from projections.reconciliation.stop_orders import fields_of_stop, is_beyond_entry


@dataclass(frozen=True, slots=True)
class Correction:
    """One command, and the finding that it answers. Corrections of one key belong together, in this order."""

    command: Command
    finding: Discrepancy

    def as_json(self) -> dict[str, Any]:
        """The command as `record` reads it."""
        fields = as_dictionary(self.command.__pydantic_serializer__, self.command, exclude_defaults=True)
        return {"command": self.command.verb, **fields}


def corrections(found: Reconciliation, reason: str | None = None) -> list[Correction]:
    """What `reconcile --confirm` sends: adoptions, adjustments, moved stops, and what is confirmed to be gone.

    Shape:   in the order of keys; empty for a snapshot that is unreliable or too old. Every command expects the version
             that was compared, so that it is refused if a fill arrives meanwhile; its command id follows from snapshot,
             position and verb, so that sending it twice records it once.
    """
    if found.doubts or found.hindrance:
        return []
    planned: dict[str, list[Correction]] = {}
    for finding in found.findings:
        done = planned.setdefault(finding.key.stream, [])
        done += [Correction(command, finding) for command in _Plan(found, finding, reason, done).commands()]
    return [correction for done in planned.values() for correction in done]


class _Plan:
    """The commands for one finding, which follow the commands for earlier findings of its key."""

    def __init__(
        self, found: Reconciliation, finding: Discrepancy, reason: str | None, before: list[Correction]
    ) -> None:
        self._found, self._finding, self._reason = found, finding, reason
        self._before = [correction.command for correction in before]
        self._version = finding.state.version + len(before)

    def commands(self) -> Iterator[Command]:
        finding, row = self._finding, self._finding.row
        match finding.kind:
            case DiscrepancyKind.ORPHAN:
                yield from self._adopt()
            case DiscrepancyKind.QUANTITY | DiscrepancyKind.PRICE if row is not None and self._may_adjust(row):
                yield from self._close_strays()
                yield self._adjust(row)
            case DiscrepancyKind.PHANTOM if row is not None and self._may_close(row):
                yield self._close(row)
            case DiscrepancyKind.STRAY if row is not None and self._is_confirmed:
                yield self._close(row)
            case DiscrepancyKind.SIDE if row is not None and self._may_close(row):
                yield self._close(row)
                self._version += 1
                yield from self._adopt()
            case DiscrepancyKind.MOVED_STOP if row is not None and finding.position is not None:
                if self._is_of_unknown_unit(row):
                    return
                if row.status is Status.ACTIVE or not is_beyond_entry(finding.order, finding.position, row):
                    yield self._set_stop(row.position_id, finding.position, finding.order, was=finding.stop)
            case DiscrepancyKind.LOST_STOP if row is not None and self._is_confirmed:
                yield self._lose_stop(row)

    def _may_adjust(self, row: PositionRow) -> bool:
        """Whether to adjust: once for each key, and not if the ledger's unit for the differing quantity is unknown."""
        return not any(isinstance(command, Adjust) for command in self._before) and not self._is_of_unknown_unit(row)

    def _is_of_unknown_unit(self, row: PositionRow) -> bool:
        seen = self._finding.position
        differs = seen is not None and seen.quantity != row.quantity
        return differs and any(each.key == self._finding.key for each in self._found.of(DiscrepancyKind.UNIT))

    def _lose_stop(self, row: PositionRow) -> Command:
        """The command for a lost stop; it names the stop if several are on record."""
        stop = self._finding.stop
        assert stop is not None, "a stop that was on record"
        gone = sum(isinstance(command, LoseStopLoss) for command in self._before)
        named = stop.exchange_order_id or stop.name if len(row.orders.live("stop")) - gone > 1 else None
        return LoseStopLoss.of(
            position_id=row.position_id,
            exchange_order_id=named,
            reason=self._why(),
            **self._envelope(LoseStopLoss.verb),
        )

    def _close_strays(self) -> Iterator[Command]:
        """Close the strays first: an adoption or adjustment then has all that the exchange holds in one cycle."""
        closed = {command.position_id for command in self._before if isinstance(command, Close)}
        for stray in self._finding.state.strays:
            if stray.position_id in closed:
                continue
            yield self._close(stray)
            self._version += 1

    def _may_close(self, row: PositionRow) -> bool:
        return bool(row.quantity) and row.status is not Status.ROLLING_BACK and self._is_confirmed

    @property
    def _is_confirmed(self) -> bool:
        return self._finding.confirmations >= self._found.rules.confirmations

    def _adopt(self) -> Iterator[Command]:
        state, key = self._finding.state, self._finding.key
        seen = self._finding.position
        assert seen is not None, "there is something to adopt"
        if seen.avg_px_open is None:
            return
        yield from self._close_strays()
        yield Adopt.of(
            symbol=key.symbol,
            exchange=key.exchange,
            account=key.account,
            leg=key.leg,
            side=seen.side,
            quantity=state.in_next_unit(seen.quantity),
            avg_px_open=seen.avg_px_open,
            reason=self._why(),
            **self._envelope(Adopt.verb),
        )
        self._version += 1
        adopted = f"{key}#{state.cycles + 1}"
        if seen.stop_price is not None and all(
            order.trigger_price != seen.stop_price for order in self._finding.orders
        ):
            yield self._set_stop(adopted, seen)
            self._version += 1
        for order in self._finding.orders:
            yield self._set_stop(adopted, seen, order.in_units(state.in_next_unit))
            self._version += 1

    def _adjust(self, row: PositionRow) -> Command:
        seen = self._finding.position
        assert seen is not None, "a difference between two"
        return Adjust.of(
            position_id=row.position_id,
            quantity=seen.quantity,
            avg_px_open=seen.avg_px_open,
            reason=self._why(),
            **self._envelope(Adjust.verb),
        )

    def _close(self, row: PositionRow) -> Command:
        """Close without a price: the profit of the cycle is then not known, which is not zero."""
        return Close.of(position_id=row.position_id, exit_reason=self._why(), **self._envelope(Close.verb))

    def _set_stop(
        self, position_id: str, seen: PositionReport, order: OrderReport | None = None, was: Order | None = None
    ) -> Command:
        """Record a stop order, or without one the stop that is a property of the position."""
        fields = fields_of_stop(order, seen, self._finding.row, was)
        return SetStopLoss.of(position_id=position_id, **fields, **self._envelope(SetStopLoss.verb))

    def _why(self) -> str:
        fact = f"{self._found.snapshot.exchange}: {self._finding.message}"
        return fact if self._reason is None else f"{self._reason} ({fact})"

    def _envelope(self, verb: str) -> dict[str, Any]:
        snapshot = self._found.snapshot
        evidence: dict[str, Any] = {**snapshot.evidence, "found": self._finding.kind.value}
        if verb in (Close.verb, LoseStopLoss.verb) and self._finding.kind.needs_confirmation:
            evidence["confirmations"] = self._finding.confirmations
        return {
            "command_id": snapshot.command_id("reconcile", self._finding.key, self._version, verb, self._reason),
            "expected_version": self._version,
            "at": snapshot.taken_at,
            "source": Source.SYNC,
            "metadata": {"snapshot": evidence},
        }
