"""What other programs say about the same fills: their numbers as facts, each with where it stands.

Where a peer nets fees, funding and interest into its profit, that is our `net_pnl`. docs/money.md says where we differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from domain.commands.requests import COMMANDS
from infrastructure.ledger.ledger import PositionLedger
from position_ledger.testing import memory_ledger

POSITIONS = "nautilus_trader tests/unit_tests/model/test_position.py::test_"
TRADES = "freqtrade tests/persistence/test_persistence.py::test_"


class Told(NamedTuple):
    """One line of a conversation: what a fill did, how much at which price, and what it cost."""

    what: str
    qty: str
    px: str = ""
    fee: str | None = None
    currency: str | None = None


class Peer(NamedTuple):
    """A scenario of a peer, and the columns that it states."""

    source: str
    symbol: str
    side: str
    told: tuple[Told, ...]
    says: dict[str, str]
    leg: str = "BOTH"


def buy(qty: str, px: str, fee: str | None = None, currency: str | None = None) -> Told:
    return Told("enter", qty, px, fee, currency)


def sell(qty: str, px: str, fee: str | None = None, currency: str | None = None) -> Told:
    return Told("exit", qty, px, fee, currency)


short, cover = buy, sell


def cash(kind: str, amount: str) -> Told:
    return Told(kind, amount)


PEERS = [
    Peer(
        POSITIONS + "position_filled_with_buy_order_then_sell_order",
        "AUD/USD",
        "long",
        (buy("150000", "1.00001", "3"), sell("150000", "1.00011", "0")),
        {"quantity": "0", "avg_px_open": "1.00001", "avg_px_close": "1.00011", "net_pnl": "12", "fees": "3"},
    ),
    Peer(
        POSITIONS + "position_partial_fills_with_sell_order",
        "AUD/USD",
        "short",
        (short("50000", "1.00001", "2"), short("50000", "1.00002", "2")),
        {"quantity": "100000", "avg_px_open": "1.000015", "net_pnl": "-4", "fees": "4"},
    ),
    Peer(
        POSITIONS + "position_filled_with_sell_order_then_buy_order",
        "AUD/USD",
        "short",
        (short("100000", "1", "2"), cover("50000", "1.00001", "2"), cover("50000", "1.00003", "2")),
        {"quantity": "0", "avg_px_open": "1", "avg_px_close": "1.00002", "net_pnl": "-8", "fees": "6"},
    ),
    Peer(
        POSITIONS + "position_filled_with_no_change",
        "AUD/USD",
        "long",
        (buy("100000", "1", "2"), sell("100000", "1", "2")),
        {"quantity": "0", "avg_px_close": "1", "net_pnl": "-4", "realized_pnl": "0"},
    ),
    Peer(
        POSITIONS + "position_long_with_multiple_filled_orders",
        "AUD/USD",
        "long",
        (buy("100000", "1", "2"), buy("100000", "1.00001", "2"), sell("200000", "1.0001", "4")),
        {"quantity": "0", "avg_px_open": "1.000005", "avg_px_close": "1.0001", "net_pnl": "11", "fees": "8"},
    ),
    Peer(
        POSITIONS + "pnl_calculation_from_trading_technologies_example",
        "ETH/USDT",
        "long",
        (
            buy("12", "100", "0.12"),
            buy("17", "99", "0.1683"),
            sell("9", "101", "0.0909"),
            sell("4", "105", "0.042"),
            buy("3", "103", "0.0309"),
        ),
        {"quantity": "19", "avg_px_open": "99.98003629764065", "net_pnl": "36.16858966"},
    ),
    Peer(
        POSITIONS + "position_realised_pnl_with_interleaved_order_sides",
        "BTC/USDT",
        "long",
        (
            buy("12", "10000", "120"),
            buy("17", "9999", "169.983"),
            sell("9", "10001", "90.009"),
            buy("3", "10003", "30.009"),
            sell("4", "10005", "40.02"),
        ),
        {"quantity": "19", "avg_px_open": "9999.88155922039", "net_pnl": "-415.27137481"},
    ),
    Peer(
        POSITIONS + "calculate_pnl_for_inverse1",
        "BTC/USD:BTC",
        "short",
        (short("100000", "10000", "0.0075", "BTC"), cover("100000", "11000")),
        {"realized_pnl": "-0.90909091", "fees": "0.0075", "settle_currency": "BTC"},
    ),
    Peer(
        POSITIONS + "calculate_pnl_for_inverse2, its unrealized profit at 370",
        "ETH/USD:ETH",
        "short",
        (short("100000", "375.95", "0.19949461", "ETH"), cover("100000", "370")),
        {"realized_pnl": "4.27745208", "fees": "0.19949461", "settle_currency": "ETH"},
    ),
    Peer(
        POSITIONS + "calculate_unrealized_pnl_for_long_inverse, at 11505.60",
        "BTC/USD:BTC",
        "long",
        (buy("100000", "10500", "0.00714286", "BTC"), sell("100000", "11505.60")),
        {"realized_pnl": "0.83238969"},
    ),
    Peer(
        POSITIONS + "calculate_unrealized_pnl_for_short_inverse, at 12506.65",
        "BTC/USD:BTC",
        "short",
        (short("1250000", "15500", "0.06048387", "BTC"), cover("1250000", "12506.65")),
        {"realized_pnl": "19.301667"},
    ),
    Peer(
        POSITIONS + "calculate_unrealized_pnl_for_short, at 10407.15",
        "BTC/USDT",
        "short",
        (short("5.912", "10505.60", "62.1091072"), cover("5.912", "10407.15")),
        {"realized_pnl": "582.0364", "fees": "62.1091072"},
    ),
    Peer(
        "nautilus_trader: funding adjustments of +5.50, -5.50 and +10 while open",
        "BTC/USDT",
        "long",
        (buy("1", "50000"), cash("funding", "5.50"), cash("funding", "-5.50"), cash("funding", "10")),
        {"quantity": "1", "net_pnl": "10"},
    ),
    Peer(
        "nautilus_trader: spot, a fee in the base asset shrinks what is held",
        "BTC/USDT",
        "long",
        (buy("1", "50000", "0.001", "BTC"), sell("0.999", "51000", "50")),
        # the fee is part of the cost here: 0.999 · 51000 less 50000; the peer states 999 and leaves it out
        {"quantity": "0", "realized_pnl": "949", "fees": "50", "net_pnl": "899"},
        "SPOT",
    ),
    Peer(
        "nautilus_trader: perpetual, a fee in the base asset leaves the quantity",
        "BTC/USDT:USDT",
        "long",
        (buy("1", "50000", "0.001", "BTC"),),
        {"quantity": "1", "avg_px_open": "50000"},
    ),
    Peer(
        TRADES + "recalc_trade_from_orders_dca, without fees",
        "XRP/USDT",
        "long",
        (buy("100", "10"), buy("100", "15"), sell("50", "12"), sell("100", "20"), sell("50", "5")),
        {"quantity": "0", "realized_pnl": "350"},
    ),
    Peer(
        TRADES + "recalc_trade_from_orders_dca, fees of 0.25 %",
        "XRP/USDT",
        "long",
        (
            buy("100", "10", "2.5"),
            buy("100", "15", "3.75"),
            sell("50", "12", "1.5"),
            sell("100", "20", "5"),
            sell("50", "5", "0.625"),
        ),
        {"quantity": "0", "net_pnl": "336.625"},
    ),
    Peer(
        TRADES + "calc_profit, futures with funding of +1",
        "ADA/USDT:USDT",
        "long",
        (buy("30", "2", "0.15"), cash("funding", "1"), sell("30", "2.1", "0.1575")),
        {"realized_pnl": "3", "net_pnl": "3.6925"},
    ),
    Peer(
        TRADES + "calc_profit, margin with interest of 0.04",
        "ADA/USDT",
        "long",
        (buy("30", "2", "0.15"), cash("interest", "-0.04"), sell("30", "2.1", "0.1575")),
        {"realized_pnl": "3", "net_pnl": "2.6525"},
    ),
    Peer(
        TRADES + "recalc_trade_from_orders_kucoin: sold but for a rest of less than 1e-8",
        "FLOKI/USDT",
        "long",
        (
            buy("11511963.8634448908", "0.000029901"),
            buy("11750101.7743937783", "0.000029295"),
            sell("23262065.6378386617", "0.000029822"),
        ),
        {"quantity": "0", "residual_qty": "0.0000000074"},
        "SPOT",
    ),
    Peer(
        "an inverse average, as exchanges state it: 100 at 40000 and 100 at 60000",
        "BTC/USD:BTC",
        "long",
        (buy("100", "40000"), buy("100", "60000")),
        {"avg_px_open": "48000"},
    ),
]


@pytest.fixture
def ledger() -> Iterator[PositionLedger]:
    with memory_ledger() as ledger:
        yield ledger


def tell(ledger: PositionLedger, peer: Peer) -> dict[str, Any]:
    """Play a scenario, and give back the row that it left."""

    def send(verb: str, **fields: Any) -> str:
        return ledger.handle(COMMANDS[verb].of(**fields)).position_id

    place = {"symbol": peer.symbol, "exchange": "kraken", "leg": peer.leg}
    position_id = send("request_entry", **place, side=peer.side, quantity="1", intent_id="s1")
    for number, (what, qty, px, fee, currency) in enumerate(peer.told):
        if what not in ("enter", "exit"):
            send("record_cash", position_id=position_id, kind=what, amount=qty, cash_id=f"c{number}")
            continue
        fill = {"trade_id": f"t{number}", "exchange_order_id": f"o{number}", "last_qty": qty, "last_px": px}
        verb = "record_entry_fill" if what == "enter" else "reduce"
        send(verb, position_id=position_id, **fill, fee=fee, fee_currency=currency)
    if "residual_qty" in peer.says:
        send("close", position_id=position_id, exit_reason="sold")
    return ledger.position(position_id).as_json()


def as_stated(ours: str | None, theirs: str) -> str | None:
    """Ours, to as many decimals as the peer states."""
    try:
        stated = Decimal(theirs)
    except ArithmeticError:
        return ours
    assert ours is not None, "known"
    return format(round(Decimal(ours), max(0, -int(stated.as_tuple().exponent))), "f")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.source)
def test_the_same_fills_give_what_a_peer_states(ledger: PositionLedger, peer: Peer) -> None:
    row = tell(ledger, peer)
    assert {name: as_stated(row[name], stated) for name, stated in peer.says.items()} == peer.says


def test_one_trade_id_on_both_sides_is_two_fills(ledger: PositionLedger) -> None:
    """A self-trade has one id, as in nautilus_trader's tests; a peer is flat then, and so are we."""
    position_id = ledger.request_entry(
        symbol="AUD/USD", exchange="kraken", side="long", quantity="1", intent_id="s1"
    ).position_id
    fill: dict[str, Any] = {"position_id": position_id, "trade_id": "1", "last_qty": "1", "last_px": "1.00001"}
    ledger.record_entry_fill(**fill)
    ledger.reduce(**fill)
    assert ledger.reduce(**fill).outcome == "replayed"
    row = ledger.position(position_id)
    assert (row.quantity, row.realized_pnl) == (Decimal(0), Decimal(0))


def test_a_fill_that_turns_the_position_is_two_cycles(ledger: PositionLedger) -> None:
    """A peer's bare position keeps the average of 1.004 and a profit of -21.20; its engine splits the fill, too."""
    place: dict[str, Any] = {"symbol": "AUD/USD", "exchange": "kraken"}
    first = ledger.request_entry(**place, side="short", quantity="20000", intent_id="s1").position_id
    ledger.record_entry_fill(position_id=first, trade_id="1", last_qty="20000", last_px="1.004", exchange_order_id="a")
    ledger.reduce(position_id=first, trade_id="2", last_qty="40000", last_px="1.005", exchange_order_id="b", flip=True)
    closed, opened = ledger.position(first), ledger.position(first.replace("#1", "#2"))
    assert (closed.status.value, closed.realized_pnl) == ("closed", Decimal(-20))
    assert (opened.side.value, opened.quantity, opened.avg_px_open) == ("long", Decimal(20000), Decimal("1.005"))


def test_a_spread_may_be_below_zero(ledger: PositionLedger) -> None:
    """nautilus_trader: 50000 at -5 and 50000 at -7 average -6; sold at -4 that is a profit."""
    place: dict[str, Any] = {"symbol": "WTISPREAD", "exchange": "ice"}
    ledger.define_instrument(**place, price_may_be_negative=True)
    position_id = ledger.request_entry(**place, side="long", quantity="100000", intent_id="s1").position_id
    for number, price in enumerate(("-5", "-7")):
        ledger.record_entry_fill(position_id=position_id, trade_id=f"t{number}", last_qty="50000", last_px=price)
    assert ledger.position(position_id).avg_px_open == -6
    ledger.reduce(position_id=position_id, trade_id="x1", last_qty="100000", last_px="-4", exchange_order_id="x")
    row = ledger.position(position_id)
    assert (row.realized_pnl, row.avg_px_close) == (Decimal(200000), Decimal(-4))
