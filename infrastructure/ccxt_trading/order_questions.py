"""Looking for an order: by its id, then in the lists; it counts as not found only if none of the answers has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from infrastructure.ccxt_trading.call_failures import Absent
from infrastructure.ccxt_trading.order_answers import client_id_of, read_fills, read_stated
from infrastructure.ccxt_trading.trading_conventions import Json, OrderQuestion, TradingConventions
from infrastructure.exchanges.ccxt_answers import bybit_pages
from infrastructure.exchanges.client_calls import Asking, ClientCall
from infrastructure.exchanges.raw_answers import rows
from infrastructure.trading.exchange_errors import NoAnswer
from infrastructure.trading.exchange_orders import ExchangeFill, ExchangeOrder


@dataclass(frozen=True, slots=True)
class OrderQuestions:
    """Lookups of the orders of one symbol."""

    conventions: TradingConventions
    symbol: str
    """The symbol as the ledger spells it."""
    listed: str
    """The symbol as ccxt spells it."""

    def find(self, client_order_id: str | None, order_id: str | None) -> Asking[ExchangeOrder | None]:
        """An order by one of its ids or both. Raises NoAnswer when its fills are shown, but the order is not."""
        found: list[Json] = []
        conditional: list[Json] = []
        for question in self.conventions.by_id:
            answer = yield from self._ask(question, client_order_id, order_id)
            (conditional if question.is_conditional else found).extend(
                entry for entry in answer if _is_it(entry, client_order_id, order_id)
            )
            if found and not self.conventions.keeps_apart:
                break
        if found and conditional and client_order_id is None:
            raise NoAnswer(
                f"{order_id} of {self.symbol} is the id of two orders, a plain and a conditional one; "
                "its client order id tells which is meant"
            )
        if not found and not conditional:
            for question in self.conventions.lists:
                answer = yield from self._ask(question, None, None)
                matching = [entry for entry in answer if _is_it(entry, client_order_id, order_id)]
                (conditional if question.is_conditional else found).extend(matching)
                if matching:
                    break
        if conditional:
            return (yield from self._as_triggered(_newest(conditional)))
        if found:
            return read_stated(_newest(found), self.symbol)
        yield from self._require_no_fills(client_order_id, order_id)
        return None

    def fills(self, order: ExchangeOrder) -> Asking[tuple[ExchangeFill, ...]]:
        """The fills of an order; those of a conditional order belong to the order that it became."""
        filled_id = order.order_id
        if order.is_conditional and self.conventions.triggered_id is not None:
            question = next(each for each in self.conventions.by_id if each.is_conditional)
            entries = yield from self._ask(question, None, order.order_id)
            became = next((_triggered(entry, self.conventions) for entry in entries), None)
            if became is None:
                return ()
            filled_id = became
        found = yield from self._fills_of(filled_id)
        fills = read_fills(found, filled_id)
        return tuple(replace(fill, order_id=order.order_id) for fill in fills)

    def _as_triggered(self, entry: Json) -> Asking[ExchangeOrder]:
        """A conditional order; once triggered, with the state and fills of the order that it became."""
        order = read_stated(entry, self.symbol, is_conditional=True)
        if self.conventions.triggered_id is None:
            return order
        became = _triggered(entry, self.conventions)
        if became is None:
            if entry["status"] == "closed":
                raise NoAnswer(f"conditional order {order.order_id} is over, and does not say which order it became")
            return order
        answer = yield ClientCall("fetch_order", (became, self.listed, {}))
        stated = read_stated(answer.value, self.symbol)
        return replace(order, state=stated.state, filled_qty=stated.filled_qty, avg_px=stated.avg_px)

    def _ask(
        self, question: OrderQuestion, client_order_id: str | None, order_id: str | None
    ) -> Asking[Sequence[Json]]:
        """The orders in the answer to one question; empty if the exchange says that the order is absent."""
        params = dict(question.params)
        if client_order_id is not None and question.client_id is not None:
            params[question.client_id] = self.conventions.spelled_id(client_order_id)
        elif order_id is not None and question.order_id is not None:
            params[question.order_id] = order_id
        if question.is_list:
            answer = yield ClientCall(question.method, (self.listed,), {"params": params})
            return _checked_list(answer.value, answer.said)
        try:
            answer = yield ClientCall(question.method, (order_id, self.listed, params))
        except Absent:
            return ()
        if not _is_it(answer.value, client_order_id, order_id):
            raise NoAnswer(f"asked for order {client_order_id or order_id}, it answered {str(answer.said)[:80]}")
        return (answer.value,)

    def _fills_of(self, order_id: str) -> Asking[Sequence[Json]]:
        """A list with the fills of an order; where the exchange cannot filter by order, its latest fills."""
        if self.conventions.fills_of is not None:
            return (yield from self._fills({self.conventions.fills_of: order_id}))
        answer = yield ClientCall("fetch_my_trades", (self.listed,))
        return _checked_list(answer.value, answer.said)

    def _fills(self, named: Json) -> Asking[Sequence[Json]]:
        if self.conventions.exchange == "bybit":
            return (
                yield from bybit_pages("fetch_my_trades", {**named, "limit": self.conventions.fills_max}, self.listed)
            )
        answer = yield ClientCall("fetch_my_trades", (self.listed, None, self.conventions.fills_max, named))
        found = _checked_list(answer.value, answer.said)
        if len(found) == self.conventions.fills_max:
            raise NoAnswer(f"{len(found)} fills of {named} are all that one answer holds, and there may be more")
        return found

    def _require_no_fills(self, client_order_id: str | None, order_id: str | None) -> Asking[None]:
        """Raise NoAnswer if fills of an order that is not shown exist, where fills can be asked for by its id."""
        if order_id is not None:
            filled = len(read_fills((yield from self._fills_of(order_id)), order_id))
        elif self.conventions.fills_by_client_id is not None:
            filled = len((yield from self._fills({self.conventions.fills_by_client_id: client_order_id})))
        else:
            filled = 0
        if filled:
            raise NoAnswer(
                f"{filled} fills of order {order_id or client_order_id} of {self.symbol} are shown, but not the order"
            )


def _is_it(entry: Json, client_order_id: str | None, order_id: str | None) -> bool:
    """Whether an entry is the order; an answer may lack one of its two ids."""
    said, number = client_id_of(entry), entry.get("id") or None
    if client_order_id is not None and said is not None:
        return bool(said == client_order_id)
    return order_id is not None and str(number) == order_id


def _newest(entries: Sequence[Json]) -> Json:
    """The open or else latest order: where a client id is unique among open orders only, others may have had it."""
    return max(entries, key=lambda entry: (entry["status"] == "open", int(entry.get("timestamp") or 0)))


def _triggered(entry: Json, conventions: TradingConventions) -> str | None:
    became = entry["info"].get(conventions.triggered_id)
    return str(became) if became not in (None, "", "0", 0) else None


def _checked_list(value: Any, said: Any) -> Sequence[Json]:
    """The list that ccxt returned, if the exchange's own answer (`said`) was a list: of others ccxt makes an empty one.

    Raises: NoAnswer.
    """
    if not isinstance(rows(said), list):
        raise NoAnswer(f"it answered {str(said)[:80]}, which is no list")
    return list(value)
