"""Kraken, spot: the ledgers that its website exports in CSV, one line for each change of the balance of an asset.

The lines of a trade have the same `refid`: what was received is above zero, what was paid is below it. Mostly they are
two; there is one more for each wallet from which something was paid, and for a fee in another currency. A fee is above
zero, and is charged in addition to the amount of its line, in its asset where no column says otherwise. The price
follows from both amounts. Times are in UTC. Of a trade on margin there are only the costs, so a file with such a trade
is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from domain.values import EXACT, Leg, plain, rounded
from infrastructure.transfer.statements.kinds.other_fees import by_currency, with_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, made_up, of_row
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose

_OF_TRADES: Final = frozenset({"trade", "spend", "receive", "conversion"})
_ON_MARGIN: Final = frozenset({"margin", "rollover", "settled"})
_DUST: Final = "dustsweeping"
"""The subtype of lines by which what is left of several assets is exchanged for one, under one `refid`."""
_PREFIXED: Final = MappingProxyType(
    {
        **{f"Z{name}": name for name in ("AUD", "CAD", "EUR", "GBP", "JPY", "KRW", "USD")},
        **{f"X{name}": name for name in ("ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")},
    }
)
"""Assets that Kraken writes with a prefix; the names of other assets may begin with these letters as well."""
_WAITING_MAX: Final = 64
"""How many trades of which something was received and something paid wait for more lines, as of a fee."""
_ON_HOLD: Final = ".HOLD"
"""What follows the name of money that was paid in and may not be withdrawn yet."""
_QUOTES: Final = (
    *("JPY", "CHF", "CAD", "USD", "AUD", "GBP", "EUR", "AED"),
    *("USDT", "USDC", "PYUSD", "DAI", "XBT", "BTC", "ETH"),
)
"""Of two assets, the one that is first here is the quote currency, as in the pairs of Kraken; XBT is BTC since 2025."""


class _LedgerLine(NamedTuple):
    """A line of a trade; an empty amount is that of a fee alone."""

    row: StatementRow
    asset: str
    amount: Decimal
    fee: Decimal
    fee_asset: str

    @classmethod
    def of(cls, row: StatementRow) -> Self:
        """Read a row. Refuses: ValueError."""
        names = "feecurrency", "asset"
        return cls(row, _asset(row), row.number("amount") or Decimal(0), row.known("fee"), _asset(row, names))


class _TradeLines:
    """The reader of one file: the lines of a trade wait for each other."""

    def __init__(self, whose: Whose) -> None:
        self._whose = whose
        self._waiting: dict[str, list[_LedgerLine]] = {}
        """What lacks a line, which is anywhere in the file: it may be sorted by asset."""
        self._whole: dict[str, list[_LedgerLine]] = {}
        self._dust: dict[str, list[_LedgerLine]] = {}

    def read(self, rows: Iterable[StatementRow]) -> Iterator[StatementFact]:
        yield from each(rows, self._take)
        for name, lines in self._dust.items():
            with of_row(lines[0].row):
                yield from self._swept(name, lines)
        for name, lines in (*self._whole.items(), *self._waiting.items()):
            yield from self._traded(name, lines)

    def _take(self, row: StatementRow) -> Iterator[StatementFact]:
        kind = row.word("type")
        if kind in _ON_MARGIN:
            raise ValueError(
                f"type {kind!r} of {row.needed('refid')} is of a trade on margin, whose quantity is not in this file; "
                "import the trades instead"
            )
        if kind not in _OF_TRADES or row.text("txid") is None:
            return
        name, line = row.needed("refid"), _LedgerLine.of(row)
        if row.word("subtype") == _DUST:
            self._dust.setdefault(name, []).append(line)
            return
        lines = self._whole[name] if name in self._whole else self._waiting.setdefault(name, [])
        lines.append(line)
        if name in self._waiting and len(_moved(lines)) > 1:
            self._whole[name] = self._waiting.pop(name)
        if len(self._whole) > _WAITING_MAX:
            name = next(iter(self._whole))
            yield from self._traded(name, self._whole.pop(name))

    def _swept(self, name: str, lines: list[_LedgerLine]) -> Iterator[StatementFact]:
        """A trade, or what was received where no pair has both assets, or no one knows how much of it for each."""
        moved = _moved(lines)
        if len(moved) == 2 and len(set(map(_rank, moved))) == 2:
            yield from self._trade(name, lines, moved)
            return
        for line in lines:
            if line.amount > 0:
                yield StatementCash(
                    line=line.row.line,
                    time=line.row.time("time", zone=UTC),
                    key=None,
                    amount=line.amount,
                    currency=_shown(line.asset),
                    kind="correction",
                    cash_id=line.row.needed("txid"),
                )

    def _traded(self, name: str, lines: list[_LedgerLine]) -> Iterator[StatementFact]:
        """The trade of a `refid`, none of whose lines is to come. Refuses: StatementRefused."""
        with of_row(lines[0].row):
            moved = _moved(lines)
            if len(moved) < 2:
                raise ValueError(
                    f"refid {name!r:.60} lacks the line of what was received, or of what was paid; export the whole "
                    "time around it, or import the trades instead"
                )
            if len(moved) > 2 or len(set(map(_rank, moved))) == 1:
                raise ValueError(
                    f"assets {', '.join(sorted(moved))} were exchanged for each other, and it is not known which of "
                    "them is the quote currency; import the trades instead"
                )
            yield from self._trade(name, lines, moved)

    def _trade(self, name: str, lines: list[_LedgerLine], moved: Mapping[str, Decimal]) -> Iterator[StatementFact]:
        base, quote = sorted(moved, key=_rank, reverse=True)
        got, paid = moved[base], moved[quote]
        if (got > 0) is (paid > 0):
            raise ValueError(f"amount {plain(got)} and {plain(paid)} were both received, or both paid")
        lines.sort(key=lambda line: line.asset != base)  # so that ids do not depend on the order of the file
        fees = by_currency((line.fee, _shown(line.fee_asset)) for line in lines if line.fee)
        first = min((line.row for line in lines if line.asset == base), key=lambda row: row.needed("time"))
        pair = f"{base}/{quote}"
        with of_row(first):
            fill = StatementFill(
                line=first.line,
                time=first.time("time", zone=UTC),
                key=self._whose.key(pair, Leg.SPOT),
                buys=got > 0,
                quantity=got.copy_abs(),
                price=rounded(EXACT.divide(paid.copy_abs(), got.copy_abs())),
                trade_id=name,
                order_id=made_up(first.needed("time"), pair, str(got > 0)),
            )
        yield from with_fees(fill, fees or [(Decimal(0), None)])


def _moved(lines: Iterable[_LedgerLine]) -> dict[str, Decimal]:
    """By how much the balance of each asset changed in all; what came and went again is no part of a trade."""
    moved: dict[str, Decimal] = {}
    for line in lines:
        moved[line.asset] = EXACT.add(moved.get(line.asset, Decimal(0)), line.amount)
    return {asset: amount for asset, amount in moved.items() if amount}


def _asset(row: StatementRow, names: Sequence[str] = ("asset",)) -> str:
    name = row.needed(*names).upper().removesuffix(_ON_HOLD)
    return _PREFIXED.get(name, name)


def _shown(asset: str) -> str:
    """The name of an asset as position keys spell it."""
    return {"XBT": "BTC", "XDG": "DOGE"}.get(asset, asset)


def _rank(asset: str) -> int:
    return _QUOTES.index(asset) if asset in _QUOTES else len(_QUOTES)


def _read(file: StatementFile, whose: Whose) -> Iterator[StatementFact]:
    return _TradeLines(whose).read(file.rows())


KRAKEN_LEDGERS: Final = StatementKind(
    name="kraken-ledgers-csv",
    form=FileForm.CSV,
    needs=("txid", "refid", "time", "type", "aclass", "asset", "amount", "fee", "balance"),
    exchange="kraken",
    read=_read,
)
