"""A month of orders, fills and cash that leads to nearly every kind of event, in the order of time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from domain.commands.base import Command
from domain.commands.requests import command_from_json
from domain.values import timestamp_text
from infrastructure.ledger.ledger import PositionLedger
from tests.spec import second

ETH: Final = "ETHUSDT.bybit#1"
DOGE: Final = "DOGEUSDT.okx#1"
INVERSE: Final = "BTC/USD:BTC.okx#1"
SPOT: Final = "SHIBUSDT.binance:SPOT#1"
STRAY: Final = "V2XG26.ibkr#1"

_SENT: Final = f"""
define_instrument symbol=DOGE/USDT:USDT exchange=okx contract_size=1000
define_instrument symbol=BTC/USD:BTC exchange=okx contract_size=100 inverse=true
request_entry symbol=DOGE/USDT:USDT exchange=okx side=long quantity=2 intent_id=d1 protection=bot
record_entry_fill position_id={DOGE} trade_id=d last_qty=2 last_px=0.06367
activate position_id={DOGE}
record_cash position_id={DOGE} kind=funding amount=-0.35 cash_id=f1
adopt symbol=BTC/USD:BTC exchange=okx side=short quantity=10 avg_px_open=50000 reason=seen
reduce position_id={INVERSE} trade_id=b last_qty=10 last_px=40000 fee=0.00001 fee_currency=BTC reason=target
close position_id={INVERSE} exit_reason=target
request_entry symbol=ETH/USDT exchange=bybit side=long quantity=1 intent_id=s1
record_entry_placed position_id={ETH} exchange_order_id=e1 filled_qty=1 avg_px=2000
request_increase position_id={ETH} quantity=1 intent_id=dca1
record_entry_fill position_id={ETH} trade_id=t1 last_qty=1 last_px=1800 exchange_order_id=e2 fee=1 fee_currency=USDT
set_stop_loss position_id={ETH} stop_price=1700 quantity=1 exchange_order_id=s1
set_stop_loss position_id={ETH} stop_price=1650 quantity=1 exchange_order_id=s2 activate=true
set_take_profit position_id={ETH} price=2200 quantity=1 exchange_order_id=tp1
set_take_profit position_id={ETH} price=2400 attached=true
replace_order position_id={ETH} exchange_order_id=s1 new_exchange_order_id=s1b price=1710
request_exit position_id={ETH} quantity=1 reason=signal intent_id=x1
reduce position_id={ETH} trade_id=x1 last_qty=1 last_px=2100 exchange_order_id=tp1 fee=0.01 fee_currency=BNB
end_order position_id={ETH} exchange_order_id=tp1 outcome=filled filled_qty=1 avg_px=2100
correct_fill position_id={ETH} trade_id=t1 last_px=1790 reason=busted
lose_stop_loss position_id={ETH} reason=gone exchange_order_id=s2
lose_take_profit position_id={ETH} reason=gone
record_cash position_id={ETH} kind=rebate amount=0.2 currency=BNB cash_id=r1
reduce position_id={ETH} trade_id=x2 last_qty=3 last_px=2150 flip=true fee=3 fee_currency=USDT
adopt symbol=SHIB/USDT exchange=binance leg=spot side=long quantity=1000 avg_px_open=0.00002 reason=held
reduce position_id={SPOT} trade_id=q last_qty=995 last_px=0.00003
close position_id={SPOT} exit_reason=sold dust=true
request_entry symbol=V2XG26 exchange=ibkr side=short quantity=1 intent_id=s1
fail_entry position_id={STRAY} outcome=canceled reason=10349
request_entry symbol=V2XG26 exchange=ibkr side=short quantity=1 intent_id=s2
record_entry_fill position_id={STRAY} trade_id=e798 last_qty=1 last_px=21.6
""".strip()
"""At its end DOGE is unprotected by choice, ETH turned and bare, SHIB left dust, and a fill of V2X is a stray."""


def month() -> Iterator[Command]:
    """The commands, a minute apart."""
    for number, line in enumerate(_SENT.splitlines()):
        verb, *said = line.split()
        fields: dict[str, Any] = {"command_id": f"m{number}", "at": timestamp_text(second(60 * number))}
        fields |= {name: {"true": True}.get(value, value) for name, _, value in (each.partition("=") for each in said)}
        yield command_from_json(json.dumps({"command": verb, **fields}))


def live_a_month(ledger: PositionLedger) -> None:
    """Tell a ledger all of it; none of it is refused."""
    for command in month():
        assert ledger.handle(command).outcome == "recorded", command
