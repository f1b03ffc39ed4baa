"""Whether a missing position or order in a snapshot proves anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from domain.identifiers import PositionKey
from domain.values import Leg, is_yet_to_come, timestamp_text
from projections.account_snapshot import AccountSnapshot, OrderKind, PositionReport
from projections.reconciliation.matching import is_same
from projections.reconciliation.stop_orders import shows_a_stop
from projections.reconciliation.stream_state import StreamState

LISTS_CONDITIONAL_APART: Final = frozenset(
    {
        *("binance", "binancecoinm", "binanceus", "binanceusdm", "bitget", "blofin", "bydfi", "deepcoin", "derive"),
        *("gate", "gateeu", "htx", "kucoin", "kucoinfutures", "latoken", "mexc", "myokx", "nado", "okx", "okxus"),
        *("poloniex", "weex", "xt"),
    }
)
"""Exchanges that list conditional orders in a call of their own: a list without any may lack the second call."""


def is_too_little(shown: int, expected: int) -> bool:
    """Whether less than half of several things is shown: then the answer is probably wrong, and they are not gone."""
    return expected > 1 and 2 * shown < expected


def doubts_about(
    snapshot: AccountSnapshot,
    known: Mapping[PositionKey, StreamState],
    now: datetime,
    age_max: timedelta | None,
    *,
    trust_empty: bool,
) -> tuple[str, ...]:
    """Why a missing position in this snapshot proves nothing; empty when it does.

    An exchange answered "no positions" 23 times while 13 to 19 were open (I-29). So an empty list is believed only if
    the operator says so, or if the ledger holds nothing either; the same is true of a list of other positions.
    """
    doubts = list(snapshot.doubts)
    if snapshot.exchange is None:
        doubts.append("it does not say of which exchange it is: name it with --exchange")
    if snapshot.positions is None:
        doubts.append("it has no list of positions, so it was not asked for them or not answered: that is not zero")
    held = [
        state
        for state in known.values()
        if state.row is not None and state.row.quantity and state.key.leg is not Leg.SPOT
    ]
    if snapshot.positions is not None and not trust_empty:
        doubts += _too_little(snapshot, held, known)
    if snapshot.taken_at is None:
        doubts.append("it does not say when it was taken: say it with --taken-at")
        return tuple(doubts)
    if is_yet_to_come(snapshot.taken_at, now):
        doubts.append(f"it was taken at {timestamp_text(snapshot.taken_at)}, which is yet to come: look at --timezone")
    if age_max is not None and now - snapshot.taken_at > age_max:
        doubts.append(f"it is stale: it was taken at {timestamp_text(snapshot.taken_at)}")
    if held and all(state.changed_after(snapshot.taken_at) for state in held):
        doubts.append(
            f"it is stale: it was taken at {timestamp_text(snapshot.taken_at)}, and all that the ledger holds there "
            "changed after that"
        )
    return tuple(doubts)


def _too_little(
    snapshot: AccountSnapshot, held: list[StreamState], known: Mapping[PositionKey, StreamState]
) -> Iterable[str]:
    """The doubt about a list with too few of the ledger's positions.

    A position that changed after the snapshot is not expected in it, and each row that cannot be read may be one.
    """
    assert snapshot.positions is not None, "it has a list"
    if not snapshot.positions and held and not snapshot.unread_positions:
        yield f"it shows no positions at all while the ledger holds {len(held)}; if that is so, say --trust-empty"
        return
    expected = [each.row for each in held if each.row is not None and not each.changed_after(snapshot.taken_at)]
    unread = len(snapshot.unread_positions)
    shown = sum(any(is_same(row, seen) for seen in snapshot.positions) for row in expected)
    of_others = expected and not unread and _is_all_of_others(snapshot.positions, known)
    if is_too_little(shown + unread, len(expected)) or of_others:
        yield (
            f"it shows {shown or 'none'} of the {len(expected)} positions that the ledger holds, by side and by "
            f"quantity or entry, and {len(snapshot.positions) - shown} others: as one of another account, product or "
            "network would; if it is of this one, say --trust-empty"
        )


def _is_all_of_others(seen: Iterable[PositionReport], known: Mapping[PositionKey, StreamState]) -> bool:
    """Whether no position that is shown has a symbol that is open in the ledger, in any status and on any side."""
    ours = {key.symbol for key, state in known.items() if state.row is not None}
    return all(position.key.symbol not in ours for position in seen)


def doubts_about_orders(
    snapshot: AccountSnapshot, known: Mapping[PositionKey, StreamState], *, trust_empty: bool
) -> tuple[str, ...]:
    """Why a missing order in this snapshot proves nothing; empty when it does.

    An exchange that lists conditional orders separately (Binance) shows them only in a call of their own. So a list
    without the stops that the ledger has confirmed is probably the list of the other orders only.
    """
    if snapshot.orders is None or trust_empty:
        return ()
    expected = [
        (each.row, seen)
        for each in known.values()
        if each.row is not None and each.row.stop_confirmed and not each.changed_after(snapshot.taken_at)
        for seen in snapshot.positions or ()
        if seen.key.symbol == each.row.symbol and seen.side is each.row.side
        if seen.stop_price is None  # otherwise the stop is a property of the position, and no order
    ]
    shown = sum(shows_a_stop(seen, row, snapshot.orders) for row, seen in expected)
    has_stops = any(order.kind is not OrderKind.OTHER for order in snapshot.orders)
    if not expected and not has_stops and _may_lack_conditional(snapshot):
        doubt = (
            f"its orders ({len(snapshot.orders)}) hold no conditional one, which {snapshot.exchange} lists apart, so "
            "whether anything is protected cannot be judged: list those as well, and if there are none, as "
            '"conditional_orders": []'
        )
        return (doubt,)
    if not expected or (has_stops and not is_too_little(shown, len(expected))):
        return ()
    doubt = (
        f"its orders ({len(snapshot.orders)}) show a stop for {shown or 'none'} of {len(expected)} positions that have "
        "one in the ledger: a list of orders without the conditional ones would look the same; list those as well, or "
        "if it is so, say --trust-empty"
    )
    return (doubt,)


def _may_lack_conditional(snapshot: AccountSnapshot) -> bool:
    """Whether the conditional orders may be missing, while a position is shown without a stop."""
    return (
        snapshot.exchange in LISTS_CONDITIONAL_APART
        and not snapshot.has_conditional
        and any(position.stop_price is None for position in snapshot.positions or ())
    )


def doubts_about_account(
    snapshot: AccountSnapshot, accounts: Iterable[str | None], *, trust_empty: bool
) -> tuple[str, ...]:
    """Why the snapshot may belong to another account: it names none, or one that the ledger does not know."""
    known = set(accounts)
    if not known or (snapshot.account in known and (snapshot.account is not None or snapshot.is_account_said)):
        return ()
    names = ", ".join(sorted(filter(None, known)))
    if snapshot.account is not None or snapshot.is_account_said:
        if trust_empty:
            return ()
        called = "the account without a name" if snapshot.account is None else f"account {snapshot.account}"
        others = ", ".join(sorted(name or "the one without a name" for name in known))
        doubt = (
            f"it is of {called}, of which the ledger knows nothing there, only of {others}: look at --account, or if "
            "it is a new one, say --trust-empty"
        )
        return (doubt,)
    if known == {None}:
        return ()
    doubt = "it does not say of which account it is, and "
    if None not in known:
        return (f"{doubt}all that the ledger knows there is of {names}: use --account",)
    doubt += f"the ledger knows {names} beside the one without a name: use --account, with '' for that one"
    return (doubt,)
