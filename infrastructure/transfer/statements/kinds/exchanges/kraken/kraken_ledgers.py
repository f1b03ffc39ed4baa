"""Kraken, spot: the ledgers that its website exports in CSV, one line for each change of the balance of an asset.

A trade has two lines with the same `refid`: what was received is above zero, what was paid is below it. A fee is above
zero, and is charged in addition to the amount of its line, in its asset where no column says otherwise. The price
follows from both amounts. Times are in UTC. Of a trade on margin there are only the costs, so a file with such a trade
is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Final

from domain.values import EXACT, Leg, rounded
from infrastructure.transfer.statements.kinds.other_fees import with_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm, StatementFile
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, made_up, of_row
from infrastructure.transfer.statements.statement_facts import StatementCash, StatementFact, StatementFill
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose
from infrastructure.transfer.transfer_errors import StatementRefused

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
_ON_HOLD: Final = ".HOLD"
"""What follows the name of money that was paid in and may not be withdrawn yet."""
_QUOTES: Final = (
    *("JPY", "CHF", "CAD", "USD", "AUD", "GBP", "EUR", "AED"),
    *("USDT", "USDC", "PYUSD", "DAI", "XBT", "ETH"),
)
"""Of two assets, the one that is first here is the quote currency, as in the pairs of Kraken."""


class _TradeLines:
    """The reader of one file: the first line of a trade waits for the second one."""

    def __init__(self, whose: Whose) -> None:
        self._whose = whose
        self._waiting: dict[str, list[StatementRow]] = {}
        self._dust: dict[str, list[StatementRow]] = {}

    def read(self, rows: Iterable[StatementRow]) -> Iterator[StatementFact]:
        yield from each(rows, self._take)
        for name, lines in self._dust.items():
            with of_row(lines[0]):
                yield from self._swept(name, lines)
        for row in chain.from_iterable(self._waiting.values()):
            raise StatementRefused.at(
                row.line,
                f"refid {row.needed('refid')!r:.60} lacks the line of what was received, or of what was paid; export "
                "the whole time around it, or import the trades instead",
            )

    def _take(self, row: StatementRow) -> Iterator[StatementFact]:
        kind = row.word("type")
        if kind in _ON_MARGIN:
            raise ValueError(
                f"type {kind!r} of {row.needed('refid')} is of a trade on margin, whose quantity is not in this file; "
                "import the trades instead"
            )
        if kind not in _OF_TRADES or row.text("txid") is None:
            return
        name = row.needed("refid")
        if row.word("subtype") == _DUST:
            self._dust.setdefault(name, []).append(row)
            return
        lines = self._waiting.setdefault(name, [])
        lines.append(row)
        moved = [line for line in lines if line.some("amount") is not None]
        if len(moved) == 2:
            del self._waiting[name]
            yield from self._trade(name, lines, *moved)

    def _swept(self, name: str, lines: list[StatementRow]) -> Iterator[StatementFact]:
        """A trade, or what was received where no pair has both assets, or no one knows how much of it for each."""
        moved = [line for line in lines if line.some("amount") is not None]
        if len(moved) == 2 and _rank(moved[0]) != _rank(moved[1]):
            yield from self._trade(name, lines, *moved)
            return
        for line in moved:
            if (amount := line.known("amount")) > 0:
                yield StatementCash(
                    line=line.line,
                    time=line.time("time", zone=UTC),
                    key=None,
                    amount=amount,
                    currency=_shown(_asset(line)),
                    kind="correction",
                    cash_id=line.needed("txid"),
                )

    def _trade(
        self, name: str, lines: list[StatementRow], one: StatementRow, other: StatementRow
    ) -> Iterator[StatementFact]:
        base, quote = sorted((one, other), key=_rank, reverse=True)
        if _rank(base) == _rank(quote):
            raise ValueError(
                f"asset {_asset(base)!r:.60} was exchanged for {_asset(quote)!r:.60}, and it is not known which of "
                "them is the quote currency; import the trades instead"
            )
        got, paid = base.number("amount") or Decimal(0), quote.number("amount") or Decimal(0)
        if (got > 0) is (paid > 0):
            raise ValueError(
                f"amount {base.text('amount')!r:.60} and {quote.text('amount')!r:.60} were both received, or both paid"
            )
        lines.sort(key=lambda line: line is not base)  # so that ids do not depend on the order of the file
        fees = [(fee, _shown(_asset(line, ("feecurrency", "asset")))) for line in lines if (fee := line.known("fee"))]
        time, pair = base.needed("time"), f"{_asset(base)}/{_asset(quote)}"
        fill = StatementFill(
            line=base.line,
            time=base.time("time", zone=UTC),
            key=self._whose.key(pair, Leg.SPOT),
            buys=got > 0,
            quantity=got.copy_abs(),
            price=rounded(EXACT.divide(paid.copy_abs(), got.copy_abs())),
            trade_id=name,
            order_id=made_up(time, pair, str(got > 0)),
        )
        yield from with_fees(fill, fees or [(Decimal(0), None)])


def _asset(row: StatementRow, names: Sequence[str] = ("asset",)) -> str:
    name = row.needed(*names).upper().removesuffix(_ON_HOLD)
    return _PREFIXED.get(name, name)


def _shown(asset: str) -> str:
    """The name of an asset as position keys spell it."""
    return {"XBT": "BTC", "XDG": "DOGE"}.get(asset, asset)


def _rank(row: StatementRow) -> int:
    asset = _asset(row)
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
