"""What an exchange shows beside what the ledger has: every difference by its name, and no conclusion from silence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from domain.identifiers import PositionKey
from domain.values import EXACT, Status, plain
from projections.account_snapshot import AccountSnapshot, OrderReport, PositionReport
from projections.positions import PositionRow
from projections.reconciliation.discrepancies import Discrepancy, DiscrepancyKind
from projections.reconciliation.grace_periods import is_overdue, is_settled
from projections.reconciliation.matching import Match, pairs
from projections.reconciliation.result import Reconciliation, Rules
from projections.reconciliation.snapshot_trust import doubts_about
from projections.reconciliation.stop_orders import StopCoverage, cover_of, is_lost, moved_stop
from projections.reconciliation.stream_state import StreamState, standings

PRICE_TOLERANCE: Final = Decimal("0.000001")
"""Average prices are one price while they differ by less than a millionth: exchanges round theirs. Quantities and
sides are compared exactly."""

CORRECTING_AGE_MAX: Final = timedelta(minutes=15)
"""How old a snapshot may be to correct anything, unless it is said: what it shows may be gone by now."""

CONFIRMATION_GAP: Final = timedelta(seconds=10)
"""How far apart two snapshots must be taken to count as two."""

_OPENING: Final = (Status.PENDING_ENTRY, Status.ENTRY_PLACED, Status.PENDING_SL, Status.ROLLING_BACK)


def reconcile(
    rows: Iterable[PositionRow], snapshots: Sequence[AccountSnapshot], *, now: datetime, rules: Rules | None = None
) -> Reconciliation:
    """Compare the latest of several snapshots of one account with all rows of the ledger, open and over.

    Shape: nothing is concluded from what an unreliable snapshot does not show, nor from one that the ledger has
           overtaken at a key; what it does show is compared in any case.
    """
    assert snapshots, "there is something to compare with"
    rules = rules or Rules()
    rows = list(rows)
    ordered = sorted(snapshots, key=lambda each: (each.taken_at is not None, each.taken_at or now, each.digest))
    latest = ordered[-1]
    known = standings(rows, latest.exchange, latest.account)

    def doubts(snapshot: AccountSnapshot) -> tuple[str, ...]:
        return doubts_about(snapshot, known, now, rules.age_max, trust_empty=rules.trust_empty)

    trusted = [each for each in ordered if not doubts(each)]
    return Reconciliation(
        snapshot=latest,
        findings=tuple(_Comparison(latest, trusted, known, now, rules).findings()),
        doubts=(*doubts(latest), *_other_account(latest, rows)),
        hindrance=_too_old(latest, now, rules.age_max or CORRECTING_AGE_MAX),
        rules=rules,
        trusted=tuple(trusted),
    )


def _other_account(snapshot: AccountSnapshot, rows: Iterable[PositionRow]) -> list[str]:
    """A snapshot of an account that was not named would have everything there adopted a second time."""
    accounts = {row.account for row in rows if row.exchange == snapshot.exchange and row.status.is_open}
    if snapshot.account is not None or not accounts or None in accounts:
        return []
    names = ", ".join(sorted(filter(None, accounts)))
    return [f"it does not say of which account it is, and all that the ledger holds there is of {names}: use --account"]


def _too_old(snapshot: AccountSnapshot, now: datetime, age_max: timedelta) -> str | None:
    if snapshot.taken_at is None or now - snapshot.taken_at <= age_max:
        return None
    age = now - snapshot.taken_at
    return (
        f"it was taken {_ago(age)} ago, so nothing is corrected by it: take another one, or allow it with "
        f"--max-age {int(age.total_seconds()) + 60}"
    )


def _ago(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    if hours >= 48:
        return f"{age.days} days"
    return f"{hours:.1f} h" if hours >= 1 else f"{age.total_seconds() / 60:.0f} min"


class _Comparison:
    """One snapshot beside the ledger; the order of what is found is that of the keys."""

    def __init__(
        self,
        snapshot: AccountSnapshot,
        trusted: Sequence[AccountSnapshot],
        known: Mapping[PositionKey, StreamState],
        now: datetime,
        rules: Rules,
    ) -> None:
        self._snapshot, self._trusted, self._known, self._rules = snapshot, trusted, known, rules
        self._at = snapshot.taken_at or now
        self._is_reliable = snapshot in trusted
        self._judges_stops = self._is_reliable and snapshot.shows_orders

    def findings(self) -> Iterator[Discrepancy]:
        """Everything that was found, key by key."""
        for pair in pairs(self._known, self._snapshot.positions or ()):
            if self._rules.symbol in (None, pair.standing.key.symbol):
                yield from self._of_pair(pair)
        if self._judges_stops:
            yield from self._zombies()

    def _of_pair(self, pair: Match) -> Iterator[Discrepancy]:
        standing, position = pair.standing, pair.position
        if position is None:
            assert standing.row is not None, "one of the two is there"
            yield self._absent(standing, standing.row)
        elif standing.row is None:
            yield from self._orphan(standing, position)
        elif standing.row.side is not position.side:
            yield from self._other_side(standing, standing.row, position)
        else:
            yield from self._both(standing, standing.row, position)

    def _absent(self, standing: StreamState, row: PositionRow) -> Discrepancy:
        def found(kind: DiscrepancyKind, message: str, confirmations: int = 0) -> Discrepancy:
            return Discrepancy(kind=kind, standing=standing, message=message, confirmations=confirmations)

        if not self._is_reliable:
            return found(DiscrepancyKind.UNJUDGED, "the exchange does not show it, and the snapshot is not reliable")
        if standing.changed_after(self._snapshot.taken_at):
            return found(DiscrepancyKind.UNJUDGED, self._overtaken(standing))
        if not is_overdue(row, self._at):
            return found(
                DiscrepancyKind.OPENING,
                f"{row.status.value} since {_clock(row.opened_at)}, and not at the exchange yet",
            )
        if self._rests(row):
            return found(DiscrepancyKind.OPENING, "its entry order rests at the exchange, and nothing is filled")
        if not row.quantity:
            message = f"{row.status.value} since {_clock(row.opened_at)}: the exchange has neither position nor order"
            return found(DiscrepancyKind.PHANTOM, message)
        message = f"the ledger holds {row.side.value} {plain(row.quantity)}, the exchange nothing"
        return found(DiscrepancyKind.PHANTOM, message, absences(standing, row, self._trusted))

    def _overtaken(self, standing: StreamState) -> str:
        assert standing.changed_at is not None, "overtaken by something"
        return f"the ledger has news of {_clock(standing.changed_at)}, which the snapshot cannot show"

    def _rests(self, row: PositionRow) -> bool:
        ours = {row.exchange_order_id, row.client_order_id} - {None}
        opens = "buy" if row.side.closing_order == "sell" else "sell"
        return row.status in (Status.PENDING_ENTRY, Status.ENTRY_PLACED) and any(
            {order.order_id, order.client_order_id} & ours or (order.side == opens and not order.reduce_only)
            for order in self._snapshot.orders or ()
            if order.key.symbol == row.symbol
        )

    def _orphan(self, standing: StreamState, position: PositionReport) -> Iterator[Discrepancy]:
        held = f"the exchange holds {_held(position)}"
        if standing.changed_after(self._snapshot.taken_at):
            yield Discrepancy(
                kind=DiscrepancyKind.UNJUDGED,
                standing=standing,
                position=position,
                message=f"{held}; {self._overtaken(standing)}",
            )
            return
        cover = self._cover(position, None)
        why = "no open cycle explains it"
        if position.avg_px_open is None:
            why += "; its average entry is not said, so it cannot be adopted"
        yield Discrepancy(
            kind=DiscrepancyKind.ORPHAN,
            standing=standing,
            position=position,
            message=f"{held}, and {why}",
            orders=_to_note(cover),
        )
        yield from self._stops(standing, cover)

    def _other_side(self, standing: StreamState, row: PositionRow, position: PositionReport) -> Iterator[Discrepancy]:
        message = f"the ledger holds {row.side.value} {plain(row.quantity)}, the exchange {_held(position)}"
        if standing.changed_after(self._snapshot.taken_at):
            message += f"; {self._overtaken(standing)}"
            yield Discrepancy(kind=DiscrepancyKind.UNJUDGED, standing=standing, position=position, message=message)
            return
        cover = self._cover(position, None)
        yield Discrepancy(
            kind=DiscrepancyKind.SIDE,
            standing=standing,
            position=position,
            message=message,
            orders=_to_note(cover),
            confirmations=absences(standing, row, self._trusted) if self._is_reliable else 0,
        )
        yield from self._stops(standing, cover)

    def _both(self, standing: StreamState, row: PositionRow, position: PositionReport) -> Iterator[Discrepancy]:
        def found(kind: DiscrepancyKind, message: str) -> Discrepancy:
            return Discrepancy(kind=kind, standing=standing, position=position, message=message)

        overtaken = standing.changed_after(self._snapshot.taken_at)
        if row.quantity == position.quantity:
            yield found(DiscrepancyKind.MATCHED, _held(position))
        elif overtaken:
            yield found(DiscrepancyKind.UNJUDGED, f"{_differs(row, position)}; {self._overtaken(standing)}")
        elif (not row.quantity or row.status is Status.ROLLING_BACK) and not is_overdue(row, self._at):
            yield found(DiscrepancyKind.OPENING, f"{_differs(row, position)}: it is {row.status.value}")
        else:
            yield found(DiscrepancyKind.QUANTITY, _differs(row, position))
        if overtaken:
            return
        if row.quantity and not _is_one_price(row.avg_px_open, position.avg_px_open):
            assert position.avg_px_open is not None, "it differs"
            ours = "none" if row.avg_px_open is None else plain(row.avg_px_open)
            yield found(
                DiscrepancyKind.PRICE,
                f"average entry: {ours} in the ledger, {plain(position.avg_px_open)} at the exchange",
            )
        if row.status not in _OPENING or is_overdue(row, self._at):
            cover = self._cover(position, row)
            yield from self._stops(standing, cover)
            yield from self._stop_on_record(standing, row, cover)

    def _cover(self, position: PositionReport, row: PositionRow | None) -> StopCoverage:
        return cover_of(position, row, self._snapshot.orders or ())

    def _stops(self, standing: StreamState, cover: StopCoverage) -> Iterator[Discrepancy]:
        """What is to be said of the stops of a position, whoever opened it."""

        def found(kind: DiscrepancyKind, message: str, orders: tuple[OrderReport, ...]) -> Discrepancy:
            return Discrepancy(kind=kind, standing=standing, position=cover.position, message=message, orders=orders)

        if self._judges_stops and not cover.is_complete:
            yield found(DiscrepancyKind.UNPROTECTED, _lacking(cover), cover.stops)
        if cover.is_doubled:
            message = f"{len(cover.stops)} stops for one position: {_names(cover.stops)}"
            yield found(DiscrepancyKind.DUPLICATE_STOPS, message, cover.stops)
        if cover.wrong_side:
            message = f"beyond the entry, so not a stop: {_names(cover.wrong_side)}"
            yield found(DiscrepancyKind.WRONG_SIDE_STOP, message, cover.wrong_side)

    def _stop_on_record(self, standing: StreamState, row: PositionRow, cover: StopCoverage) -> Iterator[Discrepancy]:
        """Whether the stop that the ledger knows is still the one."""
        if stop := moved_stop(row, cover):
            was = f"order {row.stop_order_id}" if row.stop_order_id else "no order"
            message = f"the stop is order {stop.order_id}{_at(stop)}; the ledger has {was}"
            yield Discrepancy(
                kind=DiscrepancyKind.MOVED_STOP,
                standing=standing,
                position=cover.position,
                message=message,
                orders=(stop,),
            )
        elif self._judges_stops and is_lost(row, cover):
            which = f"order {row.stop_order_id} " if row.stop_order_id else ""
            message = f"its stop {which}is not at the exchange, and no other one is"
            yield Discrepancy(
                kind=DiscrepancyKind.LOST_STOP, standing=standing, position=cover.position, message=message
            )

    def _zombies(self) -> Iterator[Discrepancy]:
        for order in sorted(self._snapshot.orders or (), key=lambda order: (order.key.stream, order.order_id)):
            if self._rules.symbol in (None, order.key.symbol) and self._is_left_over(order):
                standing = self._known.get(order.key, StreamState(order.key))
                message = f"{order.kind.value} order {order.order_id} to {order.side or 'do something'}{_at(order)}: "
                message += "there is no position for it"
                yield Discrepancy(
                    kind=DiscrepancyKind.ZOMBIE,
                    standing=StreamState(order.key, version=standing.version),
                    message=message,
                    orders=(order,),
                )

    def _is_left_over(self, order: OrderReport) -> bool:
        held = [each for each in self._snapshot.positions or () if each.key.symbol == order.key.symbol]
        if any(order.closes(each.key, each.side) or not (order.is_stop or order.reduce_only) for each in held):
            return False
        rows = [each.row for each in self._known.values() if each.row and each.key.symbol == order.key.symbol]
        return not any(self._may_belong(order, row) for row in rows)

    def _may_belong(self, order: OrderReport, row: PositionRow) -> bool:
        """Whether an order may be part of an entry that is under way, or of news that the snapshot cannot show."""
        if row.status in _OPENING and (not is_overdue(row, self._at) or not (order.is_stop or order.reduce_only)):
            return True
        return row.updated_at > self._at


def _to_note(cover: StopCoverage) -> tuple[OrderReport, ...]:
    """The stop to remember with a position that is adopted; one whose price is not said cannot be."""
    return tuple(stop for stop in cover.stops[:1] if stop.trigger_price is not None)


def absences(standing: StreamState, row: PositionRow, trusted: Iterable[AccountSnapshot]) -> int:
    """How many reliable snapshots, apart in time and younger than all we know, do not show this side of a cycle."""
    count, last = 0, None
    for snapshot in trusted:
        at = snapshot.taken_at
        assert at is not None, "reliable, so it says when"
        if standing.changed_after(at) or not is_settled(row, at) or not _lacks(snapshot, row):
            continue
        if last is None or at - last >= CONFIRMATION_GAP:
            count, last = count + 1, at
    return count


def _lacks(snapshot: AccountSnapshot, row: PositionRow) -> bool:
    return not any(seen.key.symbol == row.symbol and seen.side is row.side for seen in snapshot.positions or ())


def _is_one_price(ours: Decimal | None, theirs: Decimal | None) -> bool:
    if theirs is None or ours is None:
        return theirs is None
    return EXACT.subtract(ours, theirs).copy_abs() <= EXACT.multiply(theirs, PRICE_TOLERANCE)


def _held(position: PositionReport) -> str:
    price = "" if position.avg_px_open is None else f" at {plain(position.avg_px_open)}"
    return f"{position.side.value} {plain(position.quantity)}{price}"


def _differs(row: PositionRow, position: PositionReport) -> str:
    return f"{plain(row.quantity)} in the ledger, {plain(position.quantity)} at the exchange"


def _lacking(cover: StopCoverage) -> str:
    if not cover.stops:
        return f"no stop at the exchange for {_held(cover.position)}"
    return f"its stops cover only a part of {plain(cover.position.quantity)}: {_names(cover.stops)}"


def _names(orders: Iterable[OrderReport]) -> str:
    return ", ".join(f"{order.order_id}{_at(order)}{_for(order)}" for order in orders)


def _at(order: OrderReport) -> str:
    return "" if order.trigger_price is None else f" at {plain(order.trigger_price)}"


def _for(order: OrderReport) -> str:
    return "" if order.quantity is None else f" for {plain(order.quantity)}"


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
