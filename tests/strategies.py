"""The hypothesis strategies of the properties: numbers, keys in many spellings, commands, conversations and events."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from domain.aggregate.position import Position
from domain.commands import order_requests as o
from domain.commands import requests as c
from domain.commands.base import Command
from domain.commands.requests import ClosingFill, Evidence
from domain.errors import CommandRefused
from domain.events import EVENTS, PositionEvent
from domain.holding import Holding
from domain.identifiers import PositionKey
from domain.instrument import Instrument
from domain.orders.cycle_orders import Orders
from domain.orders.order import Order
from domain.values import EXACT, Leg, Side, Status
from projections.exposure import Gap
from projections.metrics.cycle_metrics import CycleFacts
from projections.positions import PositionRow
from tests.spec import second

KEY: Final = PositionKey("APTUSDT", "binance")

# -- numbers and names ------------------------------------------------------------------------------------------


@st.composite
def numbers(draw: st.DrawFn) -> Decimal:
    """Every number that a command takes: above zero, below 10^18, up to 18 decimals."""
    digits = st.integers(1, 10**36 - 1) | st.integers(1, 10**6).map(lambda n: n * 10**16) | st.integers(1, 99)
    return Decimal(draw(digits)).scaleb(-18, EXACT)


TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
NAMES: Final = st.text("abcXYZ019-_:/", min_size=1, max_size=12)
MOMENTS: Final = st.datetimes(timezones=st.just(UTC)) | st.integers(0, 60).map(second)
NOT_NUMBERS: Final = (
    st.floats()
    | st.sampled_from(["NaN", "sNaN", "Infinity", "-inf", "", " ", "1e", "0x10", "1_000", "1,5", "٣", "½", "--1"])
    | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), True, None, (), [], {}, object()])
    | st.sampled_from(["1e18", "1e19", "9" * 19, "1e-19", "0." + "0" * 18 + "1", "1" + "0" * 400, "1e999"])
)
"""What no number of a command may ever be."""


# -- keys -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spelled:
    """One slot, and several spellings of the parts of its key."""

    slot: tuple[str, str, str, str, str]
    keys: tuple[tuple[Any, ...], ...]


def _any_case(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([text.upper(), text.lower(), text.capitalize(), f" {text}\t"])


@st.composite
def spelled_keys(draw: st.DrawFn) -> Spelled:
    base = draw(st.sampled_from(["APT", "FXS", "B3", "1000PEPE", "币安人生"]))
    quote = draw(st.sampled_from(["USDT", "USDC", "USD"]))
    settle = draw(st.sampled_from([quote, quote, base, "BTC"]))
    expiry = draw(st.sampled_from(["", "", "-251226", "-260327-100000-C", "-260327-0.5-P"]))
    exchange = draw(st.sampled_from(["binance", "bybit", "gate-io"]))
    account = draw(st.sampled_from([None, "sub1", "sub2"]))
    leg = draw(st.sampled_from(Leg))
    unified = f"{base}/{quote}:{settle}{expiry}"
    symbols = [unified]
    if settle == quote:
        symbols += [] if quote == "USD" else [f"{base}{quote}{expiry}"]  # some exchanges mean an inverse contract by it
        symbols += [] if expiry else [f"{base}/{quote}"]
    legs = st.sampled_from([leg.value, leg.value.lower()] + ([None] if leg is Leg.BOTH else []))
    accounts = _any_case(account) if account else st.sampled_from([None, "", " "])
    keys = [
        (
            draw(st.sampled_from(symbols).flatmap(_any_case)),
            draw(_any_case(exchange)),
            draw(accounts),
            draw(legs),
        )
        for _ in range(3)
    ]
    settled = "" if leg is Leg.SPOT and not expiry else settle  # a pair on the spot leg is settled in nothing else
    return Spelled((f"{base}{quote}{expiry}", settled, exchange, account or "", leg.value), tuple(keys))


# -- commands ---------------------------------------------------------------------------------------------------


Choice = TypeVar("Choice")


class Dice:
    """Many small choices from few draws: a conversation has hundreds, and each draw has its price."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._left, self._rest = 1, 0

    def pick(self, values: Sequence[Choice]) -> Choice:
        """One of the values; the first is the simplest."""
        if self._left < len(values):
            self._left, self._rest = 1 << 24, self._draw(_THROWS)
        self._left //= len(values)
        self._rest, index = divmod(self._rest, len(values))
        return values[index]

    def mostly(self) -> bool:
        return self.pick(range(8)) < 7


_THROWS: Final = st.integers(0, (1 << 24) - 1)
_QUANTITIES: Final[list[Any]] = ["10", "1", "3.5", "4", "6"]
_PRICES: Final[list[Any]] = ["100", "90", "95.125", "99.5", "100.3", "105", "110"]
_PRICES_OR_NONE: Final = [None, *_PRICES]
_INTENTS: Final = ["i1", "i2", "i3"]
_REASONS: Final = ["because", "x" * 300]
_FEES: Final[dict[str, list[Any]]] = {"fee": [None, "0.1", "-0.05"], "fee_currency": [None, "USDT", "BNB"]}
_PLACE: Final[dict[str, list[Any]]] = {"symbol": [KEY.symbol], "exchange": [KEY.exchange]}
_KEEPER: Final[dict[str, list[Any]]] = {"protection": ["exchange", "exchange", "exchange", "bot"]}
_ENTRY: Final[dict[str, list[Any]]] = {"side": ["long", "short", "buy", "sell"], "quantity": _QUANTITIES}
_FILL: Final[dict[str, list[Any]]] = {
    "trade_id": ["t1", "t2", "t3"],
    "last_qty": _QUANTITIES,
    "last_px": _PRICES,
    **_FEES,
}
_ORDER_IDS: Final[dict[str, list[Any]]] = {"exchange_order_id": [None, None, "o1", "o2", "x1"]}
_EVIDENCE: Final = [{"position_quantity": "0"}, None, {"position_quantity": "1"}, {"closing_order_id": 9}]

_FIELDS: Final[dict[type[Command], dict[str, list[Any]]]] = {
    c.RequestEntry: _PLACE | _ENTRY | _KEEPER | {"intent_id": _INTENTS, "signal_price": _PRICES_OR_NONE},
    c.RecordEntryPlaced: {
        "exchange_order_id": ["o1", "o2"],
        "filled_qty": [None, "0", "4", "10"],
        "avg_px": _PRICES_OR_NONE,
    },
    c.RecordEntryFill: _FILL | _ORDER_IDS,
    c.RecordEntryUnknown: {"reason": _REASONS},
    c.FailEntry: {"reason": _REASONS, "outcome": ["rejected", "expired", "canceled"]},
    c.SetStopLoss: {
        "stop_price": _PRICES,
        "exchange_order_id": ["s1", "s2", "o1"],
        "quantity": [None, *_QUANTITIES],
        "activate": [False, True],
        "locks_profit": [False, True],
    },
    c.LoseStopLoss: {"reason": _REASONS},
    c.Activate: {},
    c.Reduce: _FILL | _ORDER_IDS | {"flip": [False, False, True], "reason": [None, "target"]},
    o.RequestIncrease: {"intent_id": _INTENTS, "quantity": _QUANTITIES},
    o.ReplaceOrder: {"exchange_order_id": ["o1", "s1"], "new_exchange_order_id": ["o3", "o1"]},
    o.EndOrder: {
        "exchange_order_id": ["o1", "s1", "x1"],
        "outcome": ["filled", "canceled"],
        "filled_qty": [None, "4", "10"],
    },
    o.SetTakeProfit: {"price": _PRICES, "exchange_order_id": ["t1", "s1", None], "quantity": [None, *_QUANTITIES]},
    o.LoseTakeProfit: {"reason": _REASONS},
    o.RequestExit: {"reason": _REASONS, "quantity": [None, *_QUANTITIES], "intent_id": [None, *_INTENTS]},
    o.RecordCash: {"kind": ["funding", "correction"], "amount": ["-0.35", "1"], "cash_id": ["f1", "f2"]},
    o.CorrectFill: {"trade_id": ["t1", "t2", "t3"], "last_px": _PRICES, "reason": _REASONS},
    c.Adjust: {"quantity": [*_QUANTITIES, None], "avg_px_open": _PRICES, "reason": _REASONS},
    c.Adopt: _PLACE | _ENTRY | _KEEPER | {"avg_px_open": _PRICES, "reason": _REASONS},
    c.StartRollback: {"reason": _REASONS},
    c.RollBack: {"evidence": _EVIDENCE, "reason": [None, *_REASONS]},
    c.FailRollback: {"reason": _REASONS, "residual_qty": _QUANTITIES},
    c.Close: {"exit_reason": _REASONS, "avg_px_close": _PRICES_OR_NONE, **_FEES},
    c.ImportPosition: _PLACE
    | _ENTRY
    | {
        "status": [*Status],
        "avg_px_open": _PRICES_OR_NONE,
        "stop_price": _PRICES_OR_NONE,
        "stop_confirmed": [False, True],
        "realized_pnl": [None, "1.5"],
        "legacy_id": ["2548", None],
        "intent_id": [None, *_INTENTS],
        "opened_at": [second(0)],
        "row": [{"id": "2548"}, {"id": "2549", "pnl": None}],
    },
}
"""Every verb and what to fill its fields with: few values, so that they meet again."""

_TERMS: Final[dict[str, list[Any]]] = {
    "contract_size": ["1", "10"],
    "inverse": [None, True],
    "settle": [None, "BTC"],
}
_OPENERS: Final = (c.RequestEntry, c.RequestEntry, c.RecordEntryPlaced, c.Adopt, c.ImportPosition)
_NEXT: Final[dict[Status | None, tuple[type[Command], ...]]] = {
    Status.PENDING_ENTRY: (c.RecordEntryPlaced, c.RecordEntryFill, c.RecordEntryUnknown, c.FailEntry, c.StartRollback),
    Status.ENTRY_PLACED: (c.RecordEntryFill, c.SetStopLoss, c.RecordEntryFill, c.SetStopLoss, c.FailEntry),
    Status.PENDING_SL: (
        *(c.Activate, c.RecordEntryFill, c.SetStopLoss, c.StartRollback, c.Close),
        *(o.SetTakeProfit, o.LoseTakeProfit),
    ),
    Status.ACTIVE: (
        *(c.Reduce, c.SetStopLoss, c.LoseStopLoss, c.Adjust, c.StartRollback, c.Close, c.RecordEntryFill),
        *(o.RequestIncrease, o.EndOrder, o.RequestExit, o.RecordCash, o.CorrectFill, o.SetTakeProfit, o.ReplaceOrder),
        *(o.SetTakeProfit, o.LoseTakeProfit, o.CorrectFill, o.LoseTakeProfit),
    ),
    Status.ROLLING_BACK: (c.RollBack, c.FailRollback, c.Reduce, c.RollBack, c.FailRollback, c.StartRollback),
}


def _next_command(dice: Dice, key: PositionKey, position: Position, number: int) -> Command:
    """Something that may come next: mostly what a bot would send now, else anything at all."""
    sensible = dice.mostly() or not position.cycle
    verb = dice.pick(_NEXT.get(position.status, _OPENERS) if sensible else [*_FIELDS])
    chosen = {name: dice.pick(values) for name, values in _FIELDS[verb].items()}
    if verb is c.RecordEntryPlaced and not position.is_open:
        chosen |= {name: dice.pick(values) for name, values in {**_PLACE, **_ENTRY, "intent_id": _INTENTS}.items()}
    if "symbol" in chosen:
        chosen |= place_of(key)
    else:
        cycle = position.cycle or 1 if dice.mostly() else dice.pick(range(1, position.state.last_cycle + 2))
        chosen["position_id"] = f"{key}#{cycle}"
    if "side" in chosen and key.leg is not Leg.BOTH:
        chosen["side"] = "short" if key.leg is Leg.SHORT else "long"
    if chosen.get("fee") == "0.1" and dice.pick(range(4)) == 3:
        chosen["fee_currency"] = key.symbol.partition("/")[0].removesuffix("USDT")
    if chosen.get("filled_qty") in (None, "0"):
        chosen.pop("avg_px", None)
    if verb in (o.EndOrder, o.ReplaceOrder) and position.state.order_ids.names and dice.mostly():
        chosen["exchange_order_id"] = dice.pick([order_id for _, order_id in position.state.order_ids.names])
        chosen["filled_qty" if verb is o.EndOrder else "quantity"] = None
    if verb is o.SetTakeProfit and dice.mostly():
        chosen |= {"price": "70" if position.state.side is Side.SHORT else "130", "quantity": None}
    if verb is o.CorrectFill and position.state.fills:
        chosen["trade_id"] = dice.pick([trade_id for _, trade_id in position.state.fills])
    elif "trade_id" in chosen and dice.mostly():
        chosen["trade_id"] = f"t{number}"
    if verb is c.SetStopLoss and dice.mostly():
        chosen |= {"stop_price": "120" if position.state.side is Side.SHORT else "80", "quantity": None}
    if verb is c.RollBack and position.state.holding.quantity and dice.pick([True, False]):
        left = position.state.holding.quantity
        chosen["evidence"] = {"fills": [{"trade_id": "close", "last_qty": left, "last_px": dice.pick(_PRICES)}]}
    return verb.of(
        **chosen,
        command_id=f"c{number if dice.mostly() else 1}",
        at=second(number if dice.mostly() else 0),
        expected_version=None if dice.mostly() else dice.pick([position.version, 1]),
        metadata=dice.pick([None, {"from": ["a", 1]}]),
    )


def place_of(key: PositionKey) -> dict[str, Any]:
    """A key as the fields of a command."""
    return {"symbol": key.symbol, "exchange": key.exchange, "account": key.account, "leg": key.leg.value}


@st.composite
def conversations(
    draw: st.DrawFn,
    length_max: int = 24,
    *,
    defines: bool = False,
    key: PositionKey = KEY,
    openings: Sequence[Sequence[Command]] = ((),),
) -> list[Command]:
    """What bots might send about one key, in order: some of it accepted, some refused, over several cycles.

    `defines`: sometimes a quantity is first said to be worth something else. `openings`: with one of these it begins.
    """
    dice, position = Dice(draw), Position.track(key)
    sent: list[Command] = []
    if defines and dice.pick([False, True]):
        terms = {**place_of(key), **{name: dice.pick(values) for name, values in _TERMS.items()}}
        sent.append(o.DefineInstrument.of(**terms, command_id="define", at=second(0)))
        position.decide(sent[0])
    for command in dice.pick(openings):
        sent.append(command.model_copy(update={"command_id": f"begun{len(sent)}", "at": second(0)}))
        with suppress(CommandRefused):
            position.decide(sent[-1])
    for number in range(draw(st.integers(1, length_max))):
        sent.append(_next_command(dice, key, position, number))
        with suppress(CommandRefused):
            position.decide(sent[-1])
    return sent


# -- bare events ------------------------------------------------------------------------------------------------

_EDGES: Final = ["0", "1", "-1", "61.8", "0." + "0" * 17 + "1", "9" * 36 + "." + "9" * 36, "-0." + "0" * 35 + "1"]
_TEXTS: Final = ["", "x", "APTUSDT", "stop \U0001f6d1 пробой", '"\\\n\u2028\x7f', "_type_", "x" * 300]
_JSON: Final = [None, {}, {"a": [1, {"b": None}], "": True}, {"_type_": "decimal", "_data_": "1"}, {"n": 10**30}]
_MOMENTS: Final = [second(0), second(1.000001), datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
_CLOSING: Final = ClosingFill.model_validate({"trade_id": "x1", "last_qty": "61.8", "last_px": "3.2", "fee": "-0.1"})
_PROOFS: Final = [
    Evidence(note="flat"),
    Evidence(closing_order_id="1", fills=(_CLOSING, _CLOSING)),
    Evidence.model_validate({"position_quantity": "0", "info": {"_type_": "x", "side": None, "fills": [1, "2"]}}),
]


def _values(hint: Any) -> list[Any]:
    """Some values of a type that a field of an event may have, the awkward ones among them."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return [value for each in inner for value in _values(each)]
    if origin is Literal:
        return list(inner)
    if origin is tuple:
        return [(), tuple(_values(inner[0]))]
    if origin is dict:
        known = _values(inner[1])
        return _JSON[1:] if known is _JSON else [{}, {"BNB": known[-1]}, dict(zip(_TEXTS, known, strict=False))]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return list(hint)
    return _PLAIN[hint]


_PLAIN: Final[dict[Any, list[Any]]] = {
    object: [Decimal(text) for text in _EDGES],  # what a number is to who does not know its schema
    str: _TEXTS,
    int: [1, 2, 3],
    bool: [False, True],
    NoneType: [None],
    datetime: _MOMENTS,
    Evidence: _PROOFS,
    PositionRow: [None],  # put in by whoever draws one
    Instrument: [Instrument(), Instrument(contract_size=Decimal(10), inverse=True, settle="BTC")],
    Any: _JSON,
    Holding: [
        Holding(),
        Holding(Decimal(60), Decimal("61.8"), Decimal("3.2"), Decimal(192), closed_qty=Decimal("1.8")),
        Holding(cost=None, proceeds=None, realized_pnl=None, fees_other={"BNB": Decimal("0.1"), "": Decimal(-1)}),
        Holding(
            Decimal(_EDGES[5]), Decimal(_EDGES[5]), Decimal(_EDGES[4]), Decimal(_EDGES[6]), fees=Decimal(_EDGES[6])
        ),
    ],
}
_PLAIN[Gap] = [Gap(*_MOMENTS[:2]), Gap(*_MOMENTS[2:])]
_PLAIN[Order] = [
    Order(name="entry"),
    *(
        Order(name=f"stop.{price:f}", price=price, opened_at=at)
        for price, at in zip(map(Decimal, _EDGES), _MOMENTS, strict=False)
    ),
]
_PLAIN[Orders] = [Orders.of(), Orders.of(_PLAIN[Order]), Orders.of(_PLAIN[Order][-1:])]
_ORDERS: Final[dict[str, list[Any]]] = {"order": ["entry", "entry.2", "stop.1", "target.1", "exit.1"]}
_DRAWN: Final[tuple[type[Any], ...]] = (*EVENTS, PositionRow, CycleFacts)
_FIELDS_OF: Final = {
    kind: {each.name: _ORDERS.get(each.name) or _values(get_type_hints(kind)[each.name]) for each in fields(kind)}
    for kind in _DRAWN
}


@st.composite
def events(draw: st.DrawFn, kinds: Sequence[type[PositionEvent]] = EVENTS) -> PositionEvent:
    """Any event at all, of any cycle, consistent or not: what an event says is not judged when it is read."""
    dice = Dice(draw)
    kind = dice.pick(kinds)
    event: PositionEvent = kind(
        **{name: dice.pick(values) for name, values in _FIELDS_OF[kind].items()} | {"originator_id": KEY.stream}
    )
    return event


@st.composite
def cycle_facts(draw: st.DrawFn) -> CycleFacts:
    """Any facts of a cycle, consistent or not."""
    dice = Dice(draw)
    row, facts = (
        {name: dice.pick(values) for name, values in _FIELDS_OF[kind].items()} for kind in (PositionRow, CycleFacts)
    )
    return CycleFacts(**facts | {"position": PositionRow(**row)})
