"""All kinds of statement files, and recognising the kind of a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from types import MappingProxyType
from typing import Final

from infrastructure.transfer.statements.kinds.exchanges.binance.binance_events import BINANCE_EVENTS
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_income import (
    BINANCE_INCOME,
    BINANCE_TRANSACTIONS,
)
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_positions import BINANCE_POSITIONS
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_spot import BINANCE_SPOT, BINANCE_SPOT_CSV
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_statement import BINANCE_STATEMENT
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_trades import BINANCE_TRADES
from infrastructure.transfer.statements.kinds.exchanges.binance.binance_user_trades import BINANCE_USER_TRADES
from infrastructure.transfer.statements.kinds.exchanges.bitget_futures import BITGET_BILLS, BITGET_FILLS
from infrastructure.transfer.statements.kinds.exchanges.bitmex_executions import BITMEX_EXECUTIONS
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_closed import BYBIT_CLOSED, BYBIT_CLOSED_CSV
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_executions import BYBIT_EXECUTIONS
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_history import BYBIT_HISTORY
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_log import BYBIT_LOG, BYBIT_LOG_CSV
from infrastructure.transfer.statements.kinds.exchanges.bybit.bybit_spot import BYBIT_SPOT
from infrastructure.transfer.statements.kinds.exchanges.coinbase_fills import COINBASE_FILLS
from infrastructure.transfer.statements.kinds.exchanges.cryptocom_trades import CRYPTOCOM_TRADES
from infrastructure.transfer.statements.kinds.exchanges.deribit.deribit_log import DERIBIT_LOG, DERIBIT_LOG_CSV
from infrastructure.transfer.statements.kinds.exchanges.deribit.deribit_trades import DERIBIT_TRADES
from infrastructure.transfer.statements.kinds.exchanges.dydx_fills import DYDX_FILLS, DYDX_FUNDING
from infrastructure.transfer.statements.kinds.exchanges.gate_trades import GATE_TRADES
from infrastructure.transfer.statements.kinds.exchanges.htx_futures import HTX_FILLS
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_fills import (
    HYPERLIQUID_FILLS,
    HYPERLIQUID_FUNDING,
)
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_history import (
    HYPERLIQUID_HISTORY,
    HYPERLIQUID_PAYMENTS,
)
from infrastructure.transfer.statements.kinds.exchanges.hyperliquid.hyperliquid_pairs import HYPERLIQUID_PAIRS
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_futures import (
    KRAKEN_FILLS,
    KRAKEN_LOG,
    KRAKEN_LOG_CSV,
)
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_ledgers import KRAKEN_LEDGERS
from infrastructure.transfer.statements.kinds.exchanges.kraken.kraken_trades import KRAKEN_TRADES, KRAKEN_TRADES_API
from infrastructure.transfer.statements.kinds.exchanges.kucoin.kucoin_futures import KUCOIN_FILLS, KUCOIN_FUNDING
from infrastructure.transfer.statements.kinds.exchanges.kucoin.kucoin_spot import KUCOIN_SPOT
from infrastructure.transfer.statements.kinds.exchanges.mexc_futures import MEXC_FILLS
from infrastructure.transfer.statements.kinds.exchanges.mexc_history import MEXC_ORDERS, MEXC_TRADES
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_bills import OKX_BILLS
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_fills import OKX_FILLS
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_history import OKX_HISTORY
from infrastructure.transfer.statements.kinds.exchanges.okx.okx_positions import OKX_POSITIONS
from infrastructure.transfer.statements.kinds.exchanges.phemex_trades import (
    PHEMEX_FUNDING,
    PHEMEX_LIST,
    PHEMEX_SCALED,
    PHEMEX_TRADES,
)
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.kinds.plain_csv import PLAIN_CSV
from infrastructure.transfer.statements.kinds.programs.ccxt_saved import CCXT_FUNDING, CCXT_ORDERS, CCXT_TRADES
from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_answer import FREQTRADE_ANSWER
from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_backtest import FREQTRADE_BACKTEST
from infrastructure.transfer.statements.kinds.programs.freqtrade.freqtrade_database import FREQTRADE_DATABASE
from infrastructure.transfer.statements.kinds.programs.hummingbot_database import HUMMINGBOT_DATABASE
from infrastructure.transfer.statements.kinds.programs.hummingbot_fills import HUMMINGBOT_CSV, HUMMINGBOT_EXPORT
from infrastructure.transfer.statements.kinds.programs.hummingbot_positions import HUMMINGBOT_POSITIONS
from infrastructure.transfer.statements.kinds.programs.nautilus_fills import NAUTILUS_FILLS, NAUTILUS_ORDERS
from infrastructure.transfer.statements.kinds.programs.nautilus_positions import NAUTILUS_POSITIONS
from infrastructure.transfer.statements.kinds.programs.tradingview import TRADINGVIEW_ALERTS, TRADINGVIEW_LIST
from infrastructure.transfer.statements.kinds.programs.tradingview_log import TRADINGVIEW_LOG
from infrastructure.transfer.statements.sources.statement_file import FileStart
from infrastructure.transfer.statements.statement_kind import StatementKind

_ALL: Final = (
    *(BINANCE_TRADES, BINANCE_USER_TRADES, BINANCE_INCOME, BINANCE_TRANSACTIONS, BINANCE_EVENTS, BINANCE_POSITIONS),
    *(BINANCE_SPOT, BINANCE_SPOT_CSV, BINANCE_STATEMENT),
    *(BYBIT_EXECUTIONS, BYBIT_HISTORY, BYBIT_LOG, BYBIT_LOG_CSV, BYBIT_CLOSED, BYBIT_CLOSED_CSV, BYBIT_SPOT),
    *(OKX_FILLS, OKX_BILLS, OKX_HISTORY, OKX_POSITIONS),
    *(HYPERLIQUID_FILLS, HYPERLIQUID_FUNDING, HYPERLIQUID_HISTORY, HYPERLIQUID_PAYMENTS, HYPERLIQUID_PAIRS),
    *(KRAKEN_LOG, KRAKEN_LOG_CSV, KRAKEN_FILLS, KRAKEN_TRADES, KRAKEN_TRADES_API, KRAKEN_LEDGERS),
    *(COINBASE_FILLS, KUCOIN_SPOT, MEXC_TRADES, MEXC_ORDERS, MEXC_FILLS, HTX_FILLS, GATE_TRADES),
    *(BITGET_FILLS, BITGET_BILLS, KUCOIN_FILLS, KUCOIN_FUNDING, BITMEX_EXECUTIONS),
    *(DERIBIT_TRADES, DERIBIT_LOG, DERIBIT_LOG_CSV),
    *(PHEMEX_TRADES, PHEMEX_LIST, PHEMEX_SCALED, PHEMEX_FUNDING, CRYPTOCOM_TRADES, DYDX_FILLS, DYDX_FUNDING),
    *(CCXT_TRADES, CCXT_ORDERS, CCXT_FUNDING),
    *(FREQTRADE_DATABASE, FREQTRADE_ANSWER, FREQTRADE_BACKTEST),
    *(HUMMINGBOT_CSV, HUMMINGBOT_EXPORT, HUMMINGBOT_DATABASE, HUMMINGBOT_POSITIONS),
    *(NAUTILUS_FILLS, NAUTILUS_ORDERS, NAUTILUS_POSITIONS),
    *(TRADINGVIEW_LIST, TRADINGVIEW_ALERTS, TRADINGVIEW_LOG),
    *(PLAIN_CSV, MAPPED_CSV),
)
KINDS: Final = MappingProxyType({kind.name: kind for kind in _ALL})
_OF_CCXT: Final = (CCXT_TRADES, CCXT_ORDERS)
_OTHER_IDS: Final[tuple[tuple[Sequence[StatementKind], Sequence[StatementKind]], ...]] = (
    ((BINANCE_POSITIONS,), (BINANCE_TRADES, BINANCE_USER_TRADES, BINANCE_EVENTS, *_OF_CCXT)),
    ((BINANCE_EVENTS,), (BINANCE_INCOME, BINANCE_TRANSACTIONS)),
    ((BINANCE_SPOT_CSV, BINANCE_STATEMENT), (BINANCE_SPOT, *_OF_CCXT)),
    ((BINANCE_STATEMENT,), (BINANCE_SPOT_CSV,)),
    (
        (BYBIT_CLOSED, BYBIT_CLOSED_CSV),
        (BYBIT_EXECUTIONS, BYBIT_HISTORY, BYBIT_LOG, BYBIT_LOG_CSV, *_OF_CCXT),
    ),
    ((BYBIT_CLOSED,), (BYBIT_CLOSED_CSV,)),
    ((BYBIT_SPOT,), (BYBIT_EXECUTIONS, *_OF_CCXT)),
    ((OKX_HISTORY,), (OKX_FILLS, OKX_BILLS, *_OF_CCXT)),
    ((OKX_POSITIONS,), (OKX_FILLS, OKX_BILLS, OKX_HISTORY, *_OF_CCXT)),
    ((HYPERLIQUID_HISTORY,), (HYPERLIQUID_FILLS, *_OF_CCXT)),
    ((HYPERLIQUID_PAYMENTS,), (HYPERLIQUID_FUNDING,)),
    ((KRAKEN_LOG, KRAKEN_LOG_CSV), (KRAKEN_FILLS, *_OF_CCXT)),
    ((KRAKEN_LOG,), (KRAKEN_LOG_CSV,)),
    ((COINBASE_FILLS,), _OF_CCXT),
    ((KRAKEN_LEDGERS,), (KRAKEN_TRADES, KRAKEN_TRADES_API, *_OF_CCXT)),
    ((MEXC_TRADES,), (MEXC_ORDERS,)),
    ((MEXC_TRADES, MEXC_ORDERS), (MEXC_FILLS, *_OF_CCXT)),
    ((PHEMEX_LIST, *_OF_CCXT), (PHEMEX_TRADES,)),
    ((PHEMEX_FUNDING,), (PHEMEX_TRADES, PHEMEX_SCALED)),
    (
        (CCXT_FUNDING,),
        (
            *(BINANCE_INCOME, BINANCE_TRANSACTIONS, BINANCE_EVENTS),
            *(BYBIT_EXECUTIONS, BYBIT_HISTORY, BYBIT_LOG, BYBIT_LOG_CSV),
            *(OKX_BILLS, OKX_HISTORY, OKX_POSITIONS),
            *(HYPERLIQUID_FUNDING, HYPERLIQUID_PAYMENTS, KRAKEN_LOG, KRAKEN_LOG_CSV),
            *(BITGET_BILLS, KUCOIN_FUNDING, BITMEX_EXECUTIONS, DERIBIT_LOG, DERIBIT_LOG_CSV),
            *(PHEMEX_TRADES, PHEMEX_SCALED, PHEMEX_FUNDING, DYDX_FUNDING),
        ),
    ),
    ((HUMMINGBOT_EXPORT,), (HUMMINGBOT_CSV, HUMMINGBOT_DATABASE)),
    ((NAUTILUS_POSITIONS,), (NAUTILUS_FILLS, NAUTILUS_ORDERS)),
    ((TRADINGVIEW_LIST,), (TRADINGVIEW_ALERTS, TRADINGVIEW_LOG)),
    ((TRADINGVIEW_ALERTS,), (TRADINGVIEW_LOG,)),
)
"""Kinds that have the same fills or payments as others under other ids: imported together, they would count twice."""
_NEEDS_MIN: Final = 5
"""A kind that needs fewer names is not recognised if one of them is missing."""
_NEAR_MAX: Final = 3
_NEAR_SHARE: Final = 0.5
"""The share of the names of a kind that a file may lack to be named as near to that kind."""


def recognised(start: FileStart) -> StatementKind | None:
    """The kind of a file; None if it cannot be recognised.

    A file that has what several kinds need is of the kind that contains the answers of another one, or else of the kind
    that needs most. A file that lacks a single name of a kind is taken for it, so that the error names what it lacks.
    """
    kinds = [kind for kind in KINDS.values() if kind.is_guessed]
    missing = [(len(kind.missing(start)), not kind.keeps_answers, -len(kind.needs), kind) for kind in kinds]
    count, _, needs, kind = min(missing, key=lambda found: found[:3])
    return kind if count == 0 or (count == 1 and -needs >= _NEEDS_MIN) else None


def near(start: FileStart) -> list[str]:
    """What an unrecognised file lacks to be of the kinds that it resembles most."""
    ways = [
        (len(missing := kind.missing(start)) / len(kind.needs), kind, missing) for kind in KINDS.values() if kind.needs
    ]
    return [
        f"{kind.name} needs {', '.join(missing)}" if missing else f"it may be {kind.name}"
        for share, kind, missing in sorted(ways, key=lambda way: way[0])[:_NEAR_MAX]
        if share <= _NEAR_SHARE
    ]


def telling_the_same(kinds: Iterable[StatementKind]) -> tuple[StatementKind, StatementKind] | None:
    """Two of these kinds that tell of the same, each under ids of its own; None where there are none."""
    there = {kind.name for kind in kinds}
    pairs = (pair for ones, others in _OTHER_IDS for pair in product(others, ones))
    return next((pair for pair in pairs if there.issuperset(kind.name for kind in pair)), None)
