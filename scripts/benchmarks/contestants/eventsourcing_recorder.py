"""The stock recorder of the eventsourcing library, used as in its tutorial: an aggregate that is saved three times.

It stores events only, no row; and the aggregate stays in memory, so that nothing is read back between two saves.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from infrastructure.event_store.postgres.session.session_settings import connection_arguments
from infrastructure.settings import Settings
from scripts.benchmarks import lifecycle as facts


class LibraryPosition(Aggregate):
    """A position with the same facts, but without any checks."""

    @event("EntryRequested")
    def __init__(
        self,
        *,
        symbol: str,
        exchange: str,
        side: str,
        quantity: Decimal,
        signal_price: Decimal,
        stop_loss_percent: Decimal,
        intent_id: str,
    ) -> None:
        self.symbol, self.exchange, self.side = symbol, exchange, side
        self.quantity, self.signal_price, self.stop_loss_percent = quantity, signal_price, stop_loss_percent
        self.intent_id, self.status = intent_id, "pending_entry"

    @event("EntryPlaced")
    def entry_placed(self, exchange_order_id: str, filled_qty: Decimal, avg_px: Decimal) -> None:
        """Remember the entry order and its fill."""
        self.exchange_order_id, self.filled_qty, self.avg_px = exchange_order_id, filled_qty, avg_px
        self.status = "entry_placed"

    @event("StopLossSet")
    def set_stop_loss(self, stop_price: Decimal, exchange_order_id: str) -> None:
        """Remember the stop."""
        self.stop_price, self.stop_order_id, self.status = stop_price, exchange_order_id, "pending_sl"

    @event("Activated")
    def activate(self) -> None:
        """Remember that the position is active."""
        self.status = "active"


@dataclass(frozen=True)
class LibraryRecorder:
    """The library's table in a schema of its own."""

    settings: Settings
    name: str = "stock"

    def create(self) -> None:
        """Make the schema."""
        with psycopg.connect(**connection_arguments(self.settings), autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{self.settings.schema}"'.encode())
        LibraryRunner(self.settings, create_table=True).close()

    def runner(self) -> LibraryRunner:
        """Connect."""
        return LibraryRunner(self.settings)


class LibraryRunner:
    """One application with one connection."""

    def __init__(self, settings: Settings, *, create_table: bool = False) -> None:
        """Connect to the same socket with the same durability."""
        parameters = conninfo_to_dict(settings.where)
        with ExitStack() as until_closed:
            until_closed.enter_context(_environment(settings.where))
            self._application: Application[UUID] = Application(
                {
                    "PERSISTENCE_MODULE": "eventsourcing.postgres",
                    "POSTGRES_DBNAME": str(parameters.get("dbname") or ""),
                    "POSTGRES_HOST": str(parameters.get("host") or ""),
                    "POSTGRES_PORT": str(parameters.get("port") or _default_port()),
                    "POSTGRES_USER": str(parameters.get("user") or ""),
                    "POSTGRES_PASSWORD": str(parameters.get("password") or ""),
                    "POSTGRES_SCHEMA": settings.schema,
                    "CREATE_TABLE": "y" if create_table else "n",
                }
            )
            until_closed.callback(self._application.close)
            self._until_closed = until_closed.pop_all()

    def lifecycle(self, symbol: str) -> Iterator[None]:
        """Four events in three saves."""
        position = LibraryPosition(
            symbol=symbol,
            exchange=facts.EXCHANGE,
            side="long",
            quantity=Decimal(facts.QUANTITY),
            signal_price=Decimal(facts.SIGNAL_PRICE),
            stop_loss_percent=Decimal(facts.STOP_PERCENT),
            intent_id=f"signal-{symbol}",
        )
        self._application.save(position)
        yield
        position.entry_placed(facts.ENTRY_ORDER, Decimal(facts.QUANTITY), Decimal(facts.ENTRY_PRICE))
        self._application.save(position)
        yield
        position.set_stop_loss(Decimal(facts.STOP_PRICE), facts.STOP_ORDER)
        position.activate()
        self._application.save(position)
        yield

    def finish(self, symbols: Sequence[str]) -> None:
        """Do nothing: each lifecycle is an aggregate of its own."""

    def close(self) -> None:
        """Close the connection to the database."""
        self._until_closed.close()


@contextmanager
def _environment(url: str) -> Iterator[None]:
    """Set in the environment, until the end of the block, what the library has no settings for; libpq reads it."""
    settings_of_libpq = {
        option.envvar.decode(): option.val.decode()
        for option in Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
    before = dict(os.environ)
    os.environ.update(settings_of_libpq, PGOPTIONS="-c synchronous_commit=on")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _default_port() -> str:
    """The port of libpq, perhaps from PGPORT; the library itself would use 5432, where another server may be."""
    return next((option.val or b"").decode() for option in Conninfo.get_defaults() if option.keyword == b"port")
