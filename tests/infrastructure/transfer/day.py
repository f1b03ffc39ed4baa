"""A ledger with something of everything, and what is told of it."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import pytest

from domain.errors import PositionAlreadyOpen
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.transfer.batch import LINES_MAX
from infrastructure.transfer.exporting import ExportScope, export
from infrastructure.transfer.importing import Imported, import_ledger
from infrastructure.transfer.jsonl_reader import ExportFile
from infrastructure.transfer.jsonl_writer import JsonLines


def live_a_day(ledger: PositionLedger, symbols: tuple[str, ...] = ("APTUSDT", "龙USDT")) -> None:
    """Two keys, entwined: a closed cycle with a late fill after its end, an open one, and two refusals."""
    for symbol in symbols:
        position_id = ledger.request_entry(
            symbol=symbol,
            exchange="binance",
            side="short",
            quantity="61.8",
            intent_id=f"{symbol}-1",
            metadata={"note": 'said "no" \\ twice\n\u2028'},
        ).position_id
        with pytest.raises(PositionAlreadyOpen):
            ledger.request_entry(symbol=symbol, exchange="binance", side="short", quantity="1", intent_id="late")
        ledger.record_entry_placed(position_id=position_id, exchange_order_id="1", filled_qty="61", avg_px="3.2333")
        ledger.set_stop_loss(position_id=position_id, stop_price="3.3", exchange_order_id="2", activate=True)
    for symbol in symbols:
        ledger.close(position_id=f"{symbol}.binance#1", exit_reason="target", avg_px_close="3.1", fee="0.0788")
        ledger.request_entry(symbol=symbol, exchange="binance", side="long", quantity="3", intent_id=f"{symbol}-2")
        ledger.record_entry_fill(position_id=f"{symbol}.binance#1", trade_id="9", last_qty="0.5", last_px="3.2333")


def told(ledger: PositionLedger, what: ExportScope = ExportScope.LEDGER) -> bytes:
    out = io.BytesIO()
    export(ledger.store, what, JsonLines(out))
    return out.getvalue()


class Pipe(io.BytesIO):
    """What can be read once."""

    def seekable(self) -> bool:
        return False


def moved(
    ledger: PositionLedger, text: bytes, lines_max: int = LINES_MAX, through: type[io.BytesIO] = io.BytesIO
) -> Imported:
    file = ExportFile(io.BufferedReader(through(text)))
    return import_ledger(ledger.store, file, lines_max=lines_max)


def sealed(lines: list[dict[str, Any]]) -> bytes:
    """Lines with the checksums that they should have: what somebody would write who changes a file on purpose."""
    crc, out = 0, b""
    for line in lines:
        body = json.dumps({k: v for k, v in line.items() if k != "crc"}, ensure_ascii=False, separators=(",", ":"))
        crc = zlib.crc32(body.encode(), crc)
        out += f'{body[:-1]},"crc":"{crc:08x}"}}\n'.encode()
    return out


def parsed(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
