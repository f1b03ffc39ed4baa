"""Kraken futures: the account log, as `GET /api/history/v3/account-log` answers it and as CSV, and fills.

An execution has two lines in the log: one of the contract, whose balance is the position, and one of the currency. A
fee that is paid is above zero, `realized_pnl` is before fees, and funding that is received is above zero; it is
realised every hour, and whenever a position changes. An empty amount of a trade means zero: there was no funding, or no
fee for a liquidation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from domain.values import EXACT, CashKind
from infrastructure.transfer.statements.kinds.other_fees import other_fees
from infrastructure.transfer.statements.sources.statement_file import FileForm
from infrastructure.transfer.statements.sources.statement_row import StatementRow, each, made_up
from infrastructure.transfer.statements.statement_facts import (
    StatementCash,
    StatementFact,
    StatementFill,
    StatementProfit,
)
from infrastructure.transfer.statements.statement_kind import StatementKind, Whose, row_by_row

_CONTRACT: Final = re.compile(r"(?:pf|pi|ff|fi|in|rr)_\w+", re.IGNORECASE | re.ASCII)
_REASONS: Final = MappingProxyType(
    {
        "futures trade": None,
        "futures liquidation": "liquidation",
        "futures partial liquidation": "liquidation",
        "futures total liquidation": "liquidation",
        "covered liquidation": "liquidation",
        "futures unwind": "liquidation",
        "futures_unwind": "liquidation",
        "futures unwind bankrupt": "liquidation",
        "futures unwind counterparty": None,
        "futures assignor": "adl",
        "futures assignee": None,
        "futures settlement": "settlement",
        "settlement": "settlement",
        "hedging trade": None,
        "rfq": None,
    }
)
_CASH: Final[MappingProxyType[str, CashKind]] = MappingProxyType(
    {"funding rate change": "funding", "interest payment": "interest"}
)
_NAMES: Final = MappingProxyType(
    {
        "time": ("date", "datetime"),
        "type": ("info", "type"),
        "asset": ("asset", "symbol"),
        "id": ("booking_uid", "uid"),
        "price": ("trade_price", "trade price"),
        "profit": ("realized_pnl", "realized pnl"),
        "funding": ("realized_funding", "realized funding"),
        "liquidation": ("liquidation_fee", "liquidation fee"),
    }
)
_OF_POSITIONS: Final = ("profit", "funding", "liquidation")
_LEAST: Final = Decimal("1e-9")
"""Positions are rounded to this: anything less is left over from arithmetic with floats."""
_WAITING_MAX: Final = 64
"""How many lines wait for the other line of their execution: the two are close together in a file."""
_ON_CURRENCY_LINE: Final = ("fee", *_NAMES["profit"], *_NAMES["funding"], *_NAMES["liquidation"])
_MONEY: Final = "line of the currency"


def _currency(row: StatementRow, *names: str) -> str | None:
    currency = row.text(*names)
    return None if currency is None else "BTC" if currency.lower() == "xbt" else currency.upper()


class _TwoLines:
    """The lines of one file; the first one of an execution waits for the other one."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, ...], StatementRow] = {}
        self._before: list[StatementRow] = []

    def joined(self, rows: Iterable[StatementRow]) -> Iterator[StatementRow]:
        """The lines of each execution merged into the one of its contract; every other line is unchanged."""
        yield from each(rows, self._join)
        yield from self._waiting.values()

    def _join(self, row: StatementRow) -> Iterator[StatementRow]:
        if any(row.named == earlier.named for earlier in self._before):
            return  # the file has the line twice
        self._before = [*self._before[-1:], row]
        if row.word(*_NAMES["type"]) not in _REASONS:
            yield row
            return
        for name in _ON_CURRENCY_LINE:
            row.number(name)  # so that the line with a wrong value is named, and not the other one of its execution
        execution = _execution(row)
        other = self._waiting.pop(execution, None)
        if other is None:
            self._waiting[execution] = row
        elif _is_of_contract(other) == _is_of_contract(row):
            yield other
            self._waiting[execution] = row
        else:
            contract, currency = (row, other) if _is_of_contract(row) else (other, row)
            yield StatementRow(contract.line, _with_money(contract.named, currency))
        if len(self._waiting) > _WAITING_MAX:
            yield self._waiting.pop(next(iter(self._waiting)))


def _execution(row: StatementRow) -> tuple[str, ...]:
    execution = row.text("execution")
    if execution is not None:
        return (execution,)
    return row.text(*_NAMES["time"]) or "", row.text(*_NAMES["price"]) or "", row.text("contract") or ""


def _with_money(contract: Mapping[str, Any], currency: StatementRow) -> Mapping[str, Any]:
    money = {name: currency.named[name] for name in _ON_CURRENCY_LINE if currency.find(name)[1] is not None}
    return {**contract, **money, "currency": currency.text(*_NAMES["asset"]), _MONEY: currency}


def _is_of_contract(row: StatementRow) -> bool:
    return _CONTRACT.fullmatch(row.word(*_NAMES["asset"])) is not None


def _log(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    line_type = row.word(*_NAMES["type"])
    if line_type in _CASH:
        yield from _cash(whose, row, _CASH[line_type], _payment(row, _CASH[line_type]))
    elif line_type in _REASONS and _is_of_contract(row):
        fill = _trade(whose, row)
        yield fill
        yield from other_fees(fill, [(fee, fill.fee_currency) for fee in _liquidation_fees(row)])
        yield from _cash(whose, row, "funding", row.some(*_NAMES["funding"]))
    elif line_type in _REASONS:
        yield from _money_alone(whose, row)
    elif _is_of_contract(row) and _change(row):
        raise ValueError(
            f"type {line_type!r:.60} changes what is held of {row.needed(*_NAMES['asset'])}, and is unknown; "
            f"known are: {', '.join(_REASONS)}"
        )
    elif any(row.some(*_NAMES[name]) for name in _OF_POSITIONS):
        raise ValueError(
            f"type {line_type!r:.60} is unknown, and its line says what a position earned or paid; import "
            "kraken-futures-fills instead, which lack fees and funding; known types are: "
            f"{', '.join((*_REASONS, *_CASH))}"
        )


def _money_alone(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    """Fee and profit of a currency line whose contract line is in another file, as the log was split into pages.

    Refuses: ValueError for amounts that would count twice if a file with both lines were imported as well.
    """
    contract, execution, time = row.text("contract"), row.text("execution"), row.time(*_NAMES["time"], zone=whose.zone)
    currency, profit, fee = _currency(row, *_NAMES["asset"]), row.some(*_NAMES["profit"]), row.some("fee")
    is_more = row.some(*_NAMES["funding"]) is not None or row.some(*_NAMES["liquidation"]) is not None
    if is_more or ((profit or fee) and None in (contract, execution)):
        raise ValueError(
            f"of this {row.word(*_NAMES['type'])} only the line of {currency} is in the file, and that of the contract "
            "is not; give all pages of the log in one file"
        )
    if contract is None or execution is None:
        return
    key = whose.key(contract)
    if fee is not None:
        yield StatementCash(
            line=row.line,
            time=time,
            key=key,
            amount=-fee,
            currency=currency,
            kind="commission",
            cash_id=f"commission:{execution}",
            trade_id=execution,
        )
    if profit is not None:
        yield StatementProfit(
            line=row.line,
            time=time,
            key=key,
            profit=profit,
            currency=currency,
            trade_id=execution,
            profit_id=f"profit:{execution}",
        )


def _change(row: StatementRow) -> Decimal:
    """By how much a balance changed: the answer has the balances before and after, the CSV has the change itself."""
    if "change" in row.named:
        return row.known("change")
    return EXACT.subtract(row.known("new_balance"), row.known("old_balance"))


def _payment(row: StatementRow, kind: CashKind) -> Decimal:
    """The amount of a payment that has a line of its own: its realised funding, else the change of the balance."""
    funding = row.number(*_NAMES["funding"]) if kind == "funding" else None
    return _change(row) if funding is None else funding


def _liquidation_fees(row: StatementRow) -> list[Decimal]:
    """The fee of a liquidation, if any; none where the change of the balance shows that the fee includes it."""
    paid, money = row.some(*_NAMES["liquidation"]), row.named.get(_MONEY)
    if paid is None:
        return []
    if isinstance(money, StatementRow):
        columns = _NAMES["profit"], ("fee",), _NAMES["funding"]
        earned, fee, funding = (row.number(*names) or Decimal(0) for names in columns)
        if earned - fee + funding - _change(money) < paid / 2:
            return []
    return [paid]


def _trade(whose: Whose, row: StatementRow) -> StatementFill:
    change = _change(row)
    if not change:
        raise ValueError("the change of the position is missing")
    contract, after = row.needed(*_NAMES["asset"]), row.number("new_balance", "new balance")
    return StatementFill(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone),
        key=whose.key(contract),
        buys=change > 0,
        quantity=change.copy_abs(),
        price=row.above_zero(*_NAMES["price"]),
        fee=row.number("fee"),
        fee_currency=_currency(row, "currency", "collateral"),
        profit=row.number(*_NAMES["profit"]),
        trade_id=row.text("execution") or row.needed(*_NAMES["id"]),
        order_id=made_up(row.needed(*_NAMES["time"]), contract, str(change > 0)),
        reason=_REASONS[row.word(*_NAMES["type"])],
        held=None if after is None else EXACT.subtract(after, change).quantize(_LEAST, context=EXACT),
    )


def _cash(whose: Whose, row: StatementRow, kind: CashKind, amount: Decimal | None) -> Iterator[StatementCash]:
    if not amount:
        return
    contract = row.text("contract") or (row.text(*_NAMES["asset"]) if _is_of_contract(row) else None)
    currency = _currency(row, "currency", "collateral", *(() if _is_of_contract(row) else _NAMES["asset"]))
    yield StatementCash(
        line=row.line,
        time=row.time(*_NAMES["time"], zone=whose.zone),
        key=None if contract is None else whose.key(contract),
        amount=amount,
        currency=currency,
        kind=kind,
        cash_id=f"{kind}:{row.needed(*_NAMES['id'])}",
    )


def _fill(whose: Whose, row: StatementRow) -> Iterator[StatementFact]:
    yield StatementFill(
        line=row.line,
        time=row.time("fillTime", zone=whose.zone),
        key=whose.key(row.needed("symbol")),
        buys=row.buys("side"),
        quantity=row.above_zero("size"),
        price=row.above_zero("price"),
        profit=row.number("realized_pnl"),
        trade_id=row.needed("fill_id"),
        order_id=row.needed("order_id"),
        reason="liquidation" if row.word("fillType") == "liquidation" else None,
    )


KRAKEN_LOG: Final = StatementKind(
    name="kraken-futures-log",
    form=FileForm.JSON,
    needs=("asset", "booking_uid", "info", "date", "old_balance", "new_balance", "trade_price"),
    exchange="krakenfutures",
    read=row_by_row(_log, lambda rows: _TwoLines().joined(rows)),
)
KRAKEN_LOG_CSV: Final = StatementKind(
    name="kraken-futures-log-csv",
    form=FileForm.CSV,
    needs=("uid", "datetime", "type", "symbol", "change", "new balance", "trade price", "fee"),
    exchange="krakenfutures",
    read=row_by_row(_log, lambda rows: _TwoLines().joined(rows)),
)
KRAKEN_FILLS: Final = StatementKind(
    name="kraken-futures-fills",
    form=FileForm.JSON,
    also=FileForm.CSV,
    needs=("fill_id", "order_id", "symbol", "side", "size", "price", "fillTime"),
    exchange="krakenfutures",
    read=row_by_row(_fill),
)
