"""Binance: the statement of all accounts that its website exports in CSV, one line for each change of a balance.

The lines of a trade on spot have its second in common, and nothing else: what was received is above zero, what was paid
and a fee below it. What was traded one way in a second is one fill. Since 2021 the operations say which coin is the
base; before, that follows from the coins. Lines of futures name no symbol. Only the header is translated. A file may be
cut within its first or its last second: there as many lines have to be received as paid, and a fee that is missing is
not known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, groupby
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.values import EXACT, ZERO, CashKind, Leg, plain, rounded, total_of
from infrastructure.transfer.statements.kinds.exchanges.binance.first_years import OF_SPOT
from infrastructure.transfer.statements.kinds.other_fees import by_currency, with_fees
from infrastructure.transfer.statements.sources.one_account import of_one_account
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import RowIds, StatementRow, each, made_up, of_row
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_USER: Final = ("user_id", "user id", "id de usuario", "identifiant utilisateur", "id do usuário", "ユーザーid")
_NAMES: Final = MappingProxyType(
    {
        "time": ("utc_time", "time", "tiempo", "hora", "durée", "tempo", "時間"),
        "account": ("account", "cuenta", "compte", "conta", "アカウント"),
        "operation": ("operation", "operación", "opération", "operação", "操作"),
        "coin": ("coin", "moneda", "jeton", "moeda", "コイン"),
        "change": ("change", "cambio", "cambiar", "alterar", "変更"),
    }
)
_BUYS: Final = "transaction buy"
_SELLS: Final = "transaction sold"
_OLDER: Final = "transaction related"
_WAYS: Final = MappingProxyType(
    {
        **dict.fromkeys((_BUYS, "transaction spend"), _BUYS),
        **dict.fromkeys((_SELLS, "transaction revenue"), _SELLS),
        **dict.fromkeys((_OLDER, "buy", "sell"), _OLDER),
    }
)
"""The operations of a trade, and the way that they go, which the older ones do not say."""
_FEES: Final = ("transaction fee", "fee")
_DEDUCTION: Final = "bnb fee deduction"
"""A fee in BNB. One of a trade on margin is taken from spot, and its fee in another coin is given back."""
_ANY_FEE: Final = "BNB"
"""The coin in which the fee of any trade may be paid; else it is paid in what was received."""
_OF_TRADES: Final = "transaction "
_MARGIN: Final = "margin"
_FUTURES: Final = "futures"
_OF_FUTURES: Final[MappingProxyType[str, CashKind]] = MappingProxyType({"funding fee": "funding", "fee": "commission"})
_QUOTES: Final = (
    *("TRY", "RUB", "UAH", "BRL", "ZAR", "NGN", "BIDR", "IDRT", "DAI", "ARS", "COP", "CZK", "MXN", "PLN", "RON", "JPY"),
    *("USDT", "BUSD", "FDUSD", "TUSD", "USDC", "EUR", "GBP", "AUD", "BTC", "ETH", "BNB", "TRX"),
)
"""Of two coins, the one that is first here is the quote currency, as in the pairs of Binance."""
_APART_MAX: Final = timedelta(seconds=1)
"""How far the lines of one trade may be apart."""
_INSTEAD: Final = "import the spot trade history of that time instead (binance-spot-trades-csv)"


class _Change(NamedTuple):
    """A line of a trade on spot, or of a fee, or of a payment of futures."""

    row: StatementRow
    time: datetime
    account: str
    operation: str
    coin: str
    amount: Decimal

    @property
    def is_of_futures(self) -> bool:
        """Whether it is of an account of futures."""
        return _FUTURES in self.account


class _Traded(NamedTuple):
    """What an account traded one way at one time."""

    account: str
    way: str
    changes: list[_Change]

    def coins(self, sign: int) -> list[str]:
        """The coins that were received, or those that were paid where the sign is below zero."""
        return sorted({change.coin for change in self.changes if change.amount * sign > 0})

    def amount(self, coin: str) -> Decimal:
        """How much of a coin was received or paid."""
        return total_of(change.amount for change in self.changes if change.coin == coin).copy_abs()

    @property
    def is_whole(self) -> bool:
        """Whether something was received, and something was paid for it."""
        return bool(self.coins(1) and self.coins(-1))

    @property
    def is_even(self) -> bool:
        """Whether as many lines were received as paid: a trade mostly has one of each."""
        return 2 * sum(change.amount > 0 for change in self.changes) == len(self.changes)


def _traded(changes: Iterable[_Change]) -> list[_Traded]:
    found: defaultdict[tuple[str, str], list[_Change]] = defaultdict(list)
    for change in changes:
        if change.operation in _WAYS:
            found[change.account, _WAYS[change.operation]].append(change)
    return [_Traded(*names, of_way) for names, of_way in found.items()]


def _is_whole(changes: Sequence[_Change]) -> bool:
    """Whether every trade of a time has all of its lines, and every fee its trade."""
    traded = _traded(changes)
    return all(each_way.is_whole for each_way in traded) and (bool(traded) or not _fees(changes))


def _is_even(changes: Iterable[_Change]) -> bool:
    return all(each_way.is_even for each_way in _traded(changes))


def _fees(changes: Iterable[_Change]) -> int:
    return sum(change.operation in _FEES for change in changes)


def _lacks_fees(changes: Iterable[_Change]) -> bool:
    """Whether more was received than has a fee."""
    return _fees(changes) < sum(change.operation in _WAYS and change.amount > 0 for change in changes)


def _are_near(earlier: Sequence[_Change], later: Sequence[_Change]) -> bool:
    return bool(earlier and later) and abs(later[0].time - earlier[-1].time) <= _APART_MAX


def _go_together(earlier: Sequence[_Change], later: Sequence[_Change], after: Sequence[_Change]) -> bool:
    """Whether the lines of two times are of the same trades: one of them lacks what the other one may have.

    It may be two lines of several trades that stand apart. If the earlier one needs nothing, and the later one and that
    `after` it come out even, these go together.
    """
    if not _are_near(earlier, later):
        return False
    if not _traded(later):
        return _lacks_fees(earlier)
    if _is_even(earlier) or _is_even(later):
        is_of_next = _are_near(later, after) and not _is_even(after) and _is_even([*later, *after])
        return not (_is_whole(earlier) and (_is_whole(later) or is_of_next))
    return True


def _seconds(changes: Iterable[_Change], payments: list[_Change]) -> Iterator[list[_Change]]:
    """The changes of each time but those of futures, which are added to the payments."""
    for _, found in groupby(changes, lambda change: change.time):
        of_time = list(found)
        payments += (change for change in of_time if change.is_of_futures)
        if others := [change for change in of_time if not change.is_of_futures]:
            yield others


class _Statement:
    """The reader of one file."""

    def __init__(self, whose: Whose) -> None:
        self._whose, self._ids = whose, RowIds()
        self._first: StatementRow | None = None
        self._latest: StatementRow | None = None

    def read(self, file: StatementFile) -> Iterator[StatementFact]:
        user = next((name for name in _USER if name in file.start.names), None)
        rows = file.rows() if user is None else of_one_account(file.rows(), user)
        payments, waiting, last = list[_Change](), list[_Change](), list[_Change]()
        for changes in chain(_seconds(each(rows, self._take), payments), [[]]):
            yield from map(self._payment, payments)
            payments.clear()
            if not _go_together(waiting, last, changes):
                yield from self._facts(waiting)
                waiting = []
            waiting, last = [*waiting, *last], changes
        yield from self._facts(waiting)

    def _take(self, row: StatementRow) -> Iterator[_Change]:
        self._first, self._latest = self._first or row, row
        account, operation = (row.needed(*_NAMES[name]).lower() for name in ("account", "operation"))
        if operation in _OF_FUTURES if _FUTURES in account else operation in (*_WAYS, *_FEES, _DEDUCTION):
            time, coin = (
                row.time(*_NAMES["time"], zone=self._whose.zone, first_year=OF_SPOT),
                row.needed(*_NAMES["coin"]),
            )
            yield _Change(row, time, account, operation, coin.upper(), row.known(*_NAMES["change"]))
        elif operation.startswith(_OF_TRADES):
            known = ", ".join(name for name in (*_WAYS, *_FEES) if name.startswith(_OF_TRADES))
            raise ValueError(f"operation {operation!r:.60} is unknown; known are: {known}")

    def _payment(self, change: _Change) -> StatementCash:
        return self._cash(change, _OF_FUTURES[change.operation])

    def _cash(self, change: _Change, kind: CashKind) -> StatementCash:
        return StatementCash(
            line=change.row.line,
            time=change.time,
            key=None,
            amount=change.amount,
            currency=change.coin,
            kind=kind,
            cash_id=self._ids.of(change.row, str(change.time)),
        )

    def _facts(self, changes: Sequence[_Change]) -> Iterator[StatementFact]:
        """The trades of one time, and fees of which no trade is there. Refuses: StatementRefused."""
        traded, fees = _traded(changes), defaultdict[int, list[_Change]](list)
        for change in changes:
            if change.operation not in _WAYS:
                with of_row(change.row):
                    place = _place_of_fee(change, traded)
                if place is None:
                    yield self._cash(change, "commission")
                else:
                    fees[place].append(change)
        may_be_cut = any(map(self._is_at_an_end, changes))
        for place, each_way in enumerate(traded):
            with of_row(each_way.changes[0].row):
                fill = self._fill(each_way)
                if may_be_cut and not each_way.is_even:
                    raise ValueError(
                        "not as many lines were received as paid in the second with which the file begins or ends, so "
                        "that it may be cut within a trade; give it as one file with what is before or behind it, or "
                        f"{_INSTEAD}"
                    )
            paid = by_currency((-fee.amount, fee.coin) for fee in fees[place])
            is_known = not may_be_cut or 2 * len(fees[place]) >= len(each_way.changes)
            yield from with_fees(fill, (paid or [(ZERO, None)]) if is_known else [])

    def _is_at_an_end(self, change: _Change) -> bool:
        """Whether a line is of the second of the first line of the file, or of the last one."""
        ends = (row.text(*_NAMES["time"]) for row in (self._first, self._latest) if row is not None)
        return change.row.text(*_NAMES["time"]) in ends

    def _fill(self, traded: _Traded) -> StatementFill:
        received, paid = traded.coins(1), traded.coins(-1)
        if not traded.is_whole:
            lacking = "paid" if received else "received"
            raise ValueError(
                f"operation {traded.changes[0].operation!r} of {', '.join(received or paid)} lacks the line of what "
                f"was {lacking} for it; {_INSTEAD}"
            )
        if len(received) > 1 or len(paid) > 1 or received == paid:
            raise ValueError(
                f"{', '.join(received)} were received for {', '.join(paid)} within a second, and which of them for "
                f"which is not in the file; {_INSTEAD}"
            )
        buys, base, quote = _sides(traded.way, received[0], paid[0])
        quantity, worth = traded.amount(base), traded.amount(quote)
        time, pair = max(change.time for change in traded.changes), f"{base}/{quote}"
        name = made_up(str(time), traded.account, pair, str(buys), plain(quantity), plain(worth))
        return StatementFill(
            line=traded.changes[0].row.line,
            time=time,
            key=self._whose.key(pair, Leg.SPOT),
            buys=buys,
            quantity=quantity,
            price=rounded(EXACT.divide(worth, quantity)),
            trade_id=name,
            order_id=name,
            sums_up=True,
            on_margin=_MARGIN in traded.account,
        )


def _place_of_fee(fee: _Change, traded: Sequence[_Traded]) -> int | None:
    """The place of the trade that a fee is of; None where there is no trade. Refuses: ValueError for several."""
    places = [*range(len(traded))]
    if fee.operation != _DEDUCTION:
        places = [place for place in places if traded[place].account == fee.account] or places
    if len(places) > 1 and fee.coin != _ANY_FEE:
        places = [place for place in places if traded[place].coins(1) == [fee.coin]] or places
    if len(places) > 1:
        raise ValueError(
            f"{fee.operation} {plain(fee.amount)} {fee.coin} may be of several trades within a second; {_INSTEAD}"
        )
    return places[0] if places else None


def _sides(way: str, received: str, paid: str) -> tuple[bool, str, str]:
    """Whether a trade buys its base, its base, and its quote. Refuses: ValueError where that is not known."""
    if way == _OLDER:
        first = next((coin for coin in _QUOTES if coin in (received, paid)), None)
        if first is None:
            raise ValueError(
                f"{paid} was exchanged for {received}, and which of them is the quote currency is not known; {_INSTEAD}"
            )
        way = _BUYS if first == paid else _SELLS
    return (True, received, paid) if way == _BUYS else (False, paid, received)


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return _Statement(whose).read(file)


BINANCE_STATEMENT: Final = StatementKind(
    name="binance-statement-csv",
    form=FileForm.CSV,
    needs=tuple(_NAMES.values()),
    exchange="binance",
    read=_read,
)
