"""Comparing account snapshots with the ledger: each difference has a kind, and silence alone proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from domain.events import InstrumentDefined
from domain.identifiers import PositionKey
from domain.values import Leg, Status, plain
from projections.account_snapshot import AccountSnapshot, OrderReport, PositionReport
from projections.exposure import BY_CHOICE
from projections.formatting import date_and_time, length
from projections.positions import PositionRow
from projections.reconciliation.aspects.spot_legs import of_spot
from projections.reconciliation.aspects.stop_changes import stop_changes, to_note, unpriced_stops
from projections.reconciliation.aspects.stop_text import (
    lacking_text,
    moved_text,
    names_text,
    price_text,
    too_much_text,
    unpriced_text,
)
from projections.reconciliation.aspects.strays import is_with_strays, of_strays
from projections.reconciliation.aspects.units import in_units_of, undefined_unit
from projections.reconciliation.confirmations import CONFIRMING_AGE_MAX, Confirmations
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.entry_orders import may_rest
from projections.reconciliation.grace_periods import UNDER_WAY, is_overdue
from projections.reconciliation.matching import Match, counts_contracts, is_left_of_fills, is_one_price, pairs
from projections.reconciliation.result import Reconciliation, ReconciliationRules
from projections.reconciliation.snapshot_trust import doubts_about, doubts_about_account, doubts_about_orders
from projections.reconciliation.stop_orders import StopCoverage, cover_of
from projections.reconciliation.stream_state import StreamState, stream_states

CORRECTING_AGE_MAX: Final = timedelta(minutes=15)
"""By default, an older snapshot corrects nothing: what it shows may be gone by now."""


def reconcile(
    rows: Iterable[PositionRow],
    snapshots: Sequence[AccountSnapshot],
    *,
    now: datetime,
    rules: ReconciliationRules | None = None,
    strays: Iterable[PositionRow] = (),
    defined: Iterable[InstrumentDefined] = (),
) -> Reconciliation:
    """Compare the latest of several snapshots of one account with all rows of the ledger, open and over.

    Shape: `strays` are the strays that no later cycle took over; `defined` are the definitions of instruments, which
           say in which unit the ledger counts. Derivatives are compared with positions, spot legs with balances.
           Nothing is concluded from what an unreliable snapshot does not show, nor where the ledger has newer events
           of a key than the snapshot; what a snapshot does show is compared in any case.
    """
    assert snapshots, "there is something to compare with"
    rules = rules or ReconciliationRules()
    rows = list(rows)
    ordered = sorted(snapshots, key=lambda each: (each.taken_at is not None, each.taken_at or now, each.digest))
    everything = stream_states(rows, ordered[-1].exchange, ordered[-1].account, now=now, strays=strays, defined=defined)
    ordered = [in_units_of(each, everything.values()) for each in ordered]
    latest = ordered[-1]
    known = {key: state for key, state in everything.items() if key.leg is not Leg.SPOT}
    spot = {key: state for key, state in everything.items() if key.leg is Leg.SPOT}

    accounts = {row.account for row in rows if row.exchange == latest.exchange}

    def doubts(snapshot: AccountSnapshot) -> tuple[str, ...]:
        return (
            *doubts_about(snapshot, known, now, rules.age_max, trust_empty=rules.trust_empty),
            *doubts_about_account(snapshot, accounts, trust_empty=rules.trust_empty),
        )

    def order_doubts(snapshot: AccountSnapshot) -> tuple[str, ...]:
        return doubts_about_orders(snapshot, known, trust_empty=rules.trust_empty)

    found_doubtful, about_orders = doubts(latest), order_doubts(latest)
    trusted = [_not_in_future(each, now) for each in ordered if not doubts(each)]
    snapshot = _not_in_future(latest, now)
    confirming = Confirmations(
        seen=tuple(_not_in_future(each, now) for each in ordered),
        trusted=tuple(trusted),
        complete=tuple(each for each in trusted if each.lists_orders and not order_doubts(each)),
        age_max=rules.age_max or CONFIRMING_AGE_MAX,
        now=now,
    )
    comparison = _Comparison(
        snapshot, confirming, known, now, rules, is_reliable=not found_doubtful, shows_orders=not about_orders
    )
    return Reconciliation(
        snapshot=snapshot,
        findings=(*comparison.findings(), *of_spot(spot.values(), snapshot, rules)),
        doubts=found_doubtful,
        order_doubts=about_orders,
        stops_missing=_all_missing(snapshot, known, confirming, rules) if about_orders else 0,
        hindrance=_too_old(latest, now, rules.age_max or CORRECTING_AGE_MAX),
        rules=rules,
        confirming=confirming,
    )


def _all_missing(
    snapshot: AccountSnapshot,
    known: Mapping[PositionKey, StreamState],
    confirming: Confirmations,
    rules: ReconciliationRules,
) -> int:
    """The number of expected stops, if the lists of orders are complete and show none of them; else 0."""
    listing = tuple(each for each in confirming.trusted if each.lists_orders)
    taken_literally = replace(confirming, complete=listing)
    shown = {(position.key.symbol, position.side) for position in snapshot.positions or ()}
    stopped = [
        (state, state.row, stop)
        for state in known.values()
        if state.row is not None and (state.row.symbol, state.row.side) in shown
        for stop in state.row.orders.live("stop")
    ]
    is_missing = all(taken_literally.lost_stops(*each) >= rules.confirmations for each in stopped)
    return len(stopped) if is_missing else 0


def _not_in_future(snapshot: AccountSnapshot, now: datetime) -> AccountSnapshot:
    """The snapshot, with a time in the future set to now: the clock of its time is ahead of ours."""
    if snapshot.taken_at is None or snapshot.taken_at <= now:
        return snapshot
    return replace(snapshot, taken_at=now)


def _too_old(snapshot: AccountSnapshot, now: datetime, age_max: timedelta) -> str | None:
    if snapshot.taken_at is None or now - snapshot.taken_at <= age_max:
        return None
    age = now - snapshot.taken_at
    return (
        f"it was taken {length(age)} ago, so nothing is corrected by it: take another one, or allow it with "
        f"--max-age {int(age.total_seconds()) + 60}"
    )


class _Comparison:
    """The comparison of one snapshot with the ledger; findings come in the order of the keys."""

    def __init__(
        self,
        snapshot: AccountSnapshot,
        confirming: Confirmations,
        known: Mapping[PositionKey, StreamState],
        now: datetime,
        rules: ReconciliationRules,
        *,
        is_reliable: bool,
        shows_orders: bool,
    ) -> None:
        self._snapshot, self._confirming, self._known, self._rules = snapshot, confirming, known, rules
        self._at, self._now = snapshot.taken_at or now, now
        self._is_reliable = is_reliable
        self._judges_stops = is_reliable and snapshot.lists_orders and shows_orders

    def findings(self) -> Iterator[Discrepancy]:
        """All findings, key by key."""
        for pair in pairs(self._known, self._snapshot.positions or ()):
            if self._rules.asks_for(pair.state.key):
                yield from self._of_pair(pair)
        if self._judges_stops:
            yield from self._zombies()

    def _judges_stops_of(self, symbol: str) -> bool:
        return self._judges_stops and not self._snapshot.hides_orders(symbol)

    def _of_pair(self, pair: Match) -> Iterator[Discrepancy]:
        state, position = pair.state, pair.position
        yield from self._strays(state, position)
        if position is None:
            if state.row is not None:
                yield self._absent(state, state.row)
        elif state.row is None and is_with_strays(state, position):
            yield from self._stops(state, self._cover(position, None))
        elif state.row is None:
            yield from self._orphan(state, position)
        elif state.row.side is not position.side:
            yield from self._other_side(state, state.row, position)
        else:
            yield from self._both(state, state.row, position)
        if position is not None and (how := undefined_unit(state, position)) is not None:
            yield Discrepancy(kind=DiscrepancyKind.UNIT, state=state, position=position, message=how)

    def _strays(self, state: StreamState, position: PositionReport | None) -> Iterator[Discrepancy]:
        is_judged = self._is_reliable and not state.changed_after(self._snapshot.taken_at)
        gone = self._confirming.strays_gone(state)
        yield from of_strays(state, position, gone, is_judged=is_judged)

    def _absent(self, state: StreamState, row: PositionRow) -> Discrepancy:
        def found(kind: DiscrepancyKind, message: str, confirmations: int = 0) -> Discrepancy:
            return Discrepancy(kind=kind, state=state, message=message, confirmations=confirmations)

        if not self._is_reliable:
            return found(DiscrepancyKind.UNJUDGED, "the exchange does not show it, and the snapshot is not reliable")
        if self._snapshot.hides(row.symbol):
            return found(DiscrepancyKind.UNJUDGED, "one of the rows that cannot be read may be it")
        if state.changed_after(self._snapshot.taken_at):
            return found(DiscrepancyKind.UNJUDGED, self._overtaken(state))
        if not is_overdue(row, self._at, self._now):
            return found(
                DiscrepancyKind.OPENING,
                f"{row.status.value} since {date_and_time(row.opened_at)} UTC, and not at the exchange yet",
            )
        if may_rest(row, self._snapshot.orders):
            return found(DiscrepancyKind.OPENING, "its entry order rests at the exchange, and nothing is filled")
        if not row.quantity:
            since = f"{row.status.value} since {date_and_time(row.opened_at)} UTC"
            return found(DiscrepancyKind.PHANTOM, f"{since}: the exchange has neither position nor order")
        message = f"the ledger holds {row.side.value} {plain(row.quantity)}, the exchange nothing"
        return found(DiscrepancyKind.PHANTOM, message, self._confirming.absences(state, row))

    def _overtaken(self, state: StreamState) -> str:
        assert state.changed_at is not None, "overtaken by something"
        return f"the ledger has news of {date_and_time(state.changed_at)} UTC, which the snapshot cannot show"

    def _orphan(self, state: StreamState, position: PositionReport) -> Iterator[Discrepancy]:
        held = f"the exchange holds {position.in_words}"
        if state.changed_after(self._snapshot.taken_at):
            yield Discrepancy(
                kind=DiscrepancyKind.UNJUDGED,
                state=state,
                position=position,
                message=f"{held}; {self._overtaken(state)}",
            )
            return
        cover = self._cover(position, None)
        why = "no open cycle explains it"
        if position.avg_px_open is None:
            why += "; its average entry is not said, so it cannot be adopted"
        yield Discrepancy(
            kind=DiscrepancyKind.ORPHAN,
            state=state,
            position=position,
            message=f"{held}, and {why}",
            orders=to_note(cover),
        )
        yield from self._stops(state, cover)

    def _other_side(self, state: StreamState, row: PositionRow, position: PositionReport) -> Iterator[Discrepancy]:
        message = f"the ledger holds {row.side.value} {plain(row.quantity)}, the exchange {position.in_words}"
        if state.changed_after(self._snapshot.taken_at):
            message += f"; {self._overtaken(state)}"
            yield Discrepancy(kind=DiscrepancyKind.UNJUDGED, state=state, position=position, message=message)
            return
        cover = self._cover(position, None)
        yield Discrepancy(
            kind=DiscrepancyKind.SIDE,
            state=state,
            position=position,
            message=message,
            orders=to_note(cover),
            confirmations=self._confirming.absences(state, row) if self._is_reliable else 0,
        )
        yield from self._stops(state, cover)

    def _both(self, state: StreamState, row: PositionRow, position: PositionReport) -> Iterator[Discrepancy]:
        def found(kind: DiscrepancyKind, message: str) -> Discrepancy:
            return Discrepancy(kind=kind, state=state, position=position, message=message)

        overtaken = state.changed_after(self._snapshot.taken_at)
        beside = is_with_strays(state, position)
        if row.quantity == position.quantity or beside:
            yield found(DiscrepancyKind.MATCHED, position.in_words)
        elif overtaken:
            yield found(DiscrepancyKind.UNJUDGED, f"{_differs(row, position)}; {self._overtaken(state)}")
        elif (not row.quantity or row.status is Status.ROLLING_BACK) and not is_overdue(row, self._at, self._now):
            yield found(DiscrepancyKind.OPENING, f"{_differs(row, position)}: it is {row.status.value}")
        else:
            yield found(DiscrepancyKind.QUANTITY, _differs(row, position))
        if overtaken:
            return
        is_priced_alike = is_one_price(row.avg_px_open, position.avg_px_open) or is_left_of_fills(row)
        is_alone = not state.strays or (row.quantity == position.quantity and not beside)
        if row.quantity and is_alone and not is_priced_alike:
            assert position.avg_px_open is not None, "it differs"
            ours = "none" if row.avg_px_open is None else plain(row.avg_px_open)
            yield found(
                DiscrepancyKind.PRICE,
                f"average entry: {ours} in the ledger, {plain(position.avg_px_open)} at the exchange",
            )
        if row.status not in UNDER_WAY or is_overdue(row, self._at, self._now):
            cover = self._cover(position, row)
            yield from self._stops(state, cover)
            yield from self._stop_on_record(state, row, cover)

    def _cover(self, position: PositionReport, row: PositionRow | None) -> StopCoverage:
        return cover_of(position, row, self._snapshot.orders or ())

    def _stops(self, state: StreamState, cover: StopCoverage) -> Iterator[Discrepancy]:
        """The findings about the stops of a position, whether the ledger knows the position or not."""

        def found(kind: DiscrepancyKind, message: str, orders: tuple[OrderReport, ...]) -> Discrepancy:
            return Discrepancy(kind=kind, state=state, position=cover.position, message=message, orders=orders)

        if self._judges_stops_of(state.key.symbol) and not cover.is_complete:
            row = state.row
            if row is not None and row.protection == "bot":
                yield found(DiscrepancyKind.BY_CHOICE, f"{cover.position.in_words}: {BY_CHOICE}", cover.stops)
            else:
                yield found(DiscrepancyKind.UNPROTECTED, lacking_text(cover), cover.stops)
        if cover.is_doubled:
            message = f"{len(cover.stops)} stops for one position: {names_text(cover.stops)}"
            yield found(DiscrepancyKind.DUPLICATE_STOPS, message, cover.stops)
        for stop in cover.oversized:
            yield found(DiscrepancyKind.OVERSIZED_STOP, too_much_text(stop, cover.position), (stop,))
        if cover.wrong_side:
            message = f"beyond the entry, or yet to trail, so not a stop: {names_text(cover.wrong_side)}"
            yield found(DiscrepancyKind.WRONG_SIDE_STOP, message, cover.wrong_side)

    def _stop_on_record(self, state: StreamState, row: PositionRow, cover: StopCoverage) -> Iterator[Discrepancy]:
        """The findings about recorded stops that have moved or are gone."""
        changes = stop_changes(row, cover)
        for moved in changes.moved:
            yield Discrepancy(
                kind=DiscrepancyKind.MOVED_STOP,
                state=state,
                position=cover.position,
                message=moved_text(moved, cover),
                orders=() if moved.order is None else (moved.order,),
                stop=moved.was,
            )
        for order in unpriced_stops(row, cover):
            yield Discrepancy(
                kind=DiscrepancyKind.UNPRICED_STOP,
                state=state,
                position=cover.position,
                message=unpriced_text(order),
                orders=(order,),
            )
        for stop in changes.lost if self._judges_stops_of(row.symbol) else ():
            which = f"order {stop.exchange_order_id} " if stop.exchange_order_id else ""
            yield Discrepancy(
                kind=DiscrepancyKind.LOST_STOP,
                state=state,
                position=cover.position,
                message=f"its stop {which}is not at the exchange, and none is in its place",
                stop=stop,
                confirmations=self._confirming.lost_stops(state, row, stop),
            )

    def _zombies(self) -> Iterator[Discrepancy]:
        for order in sorted(self._snapshot.orders or (), key=lambda order: (order.key.stream, order.order_id)):
            if self._rules.asks_for(order.key) and self._is_left_over(order):
                state = self._known.get(order.key, StreamState(order.key))
                message = (
                    f"{order.kind.value} order {order.order_id} to {order.side or 'do something'}{price_text(order)}: "
                )
                message += "there is no position for it"
                yield Discrepancy(
                    kind=DiscrepancyKind.ZOMBIE,
                    state=StreamState(order.key, version=state.version),
                    message=message,
                    orders=(order,),
                )

    def _is_left_over(self, order: OrderReport) -> bool:
        if self._snapshot.hides(order.key.symbol) or order.key.leg is Leg.SPOT or order.opens_leg:
            return False
        held = [each for each in self._snapshot.positions or () if each.key.symbol == order.key.symbol]
        if any(order.closes(each.key, each.side) or not (order.is_stop or order.reduce_only) for each in held):
            return False
        rows = [each.row for each in self._known.values() if each.row and each.key.symbol == order.key.symbol]
        return not any(self._may_belong(order, row) for row in rows)

    def _may_belong(self, order: OrderReport, row: PositionRow) -> bool:
        """Whether an order may belong to an entry that is under way, or to events that are newer than the snapshot."""
        if row.status in UNDER_WAY and (
            not is_overdue(row, self._at, self._now) or not (order.is_stop or order.reduce_only)
        ):
            return True
        return row.updated_at > self._at


def _differs(row: PositionRow, position: PositionReport) -> str:
    words = f"{plain(row.quantity)} in the ledger, {plain(position.quantity)} at the exchange"
    if counts_contracts(row, position):
        size = plain(position.contract_size)
        return f"{words}: the ledger's number is that of contracts of {size}, so one of its units is not the other's"
    return words
