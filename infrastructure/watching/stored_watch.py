"""What a watch stores in its ledger: its alarms and its place in the log; a turn number notices a second watch."""

from __future__ import annotations

import json
import time
from datetime import datetime

from domain.errors import HistoryDamaged, LedgerError
from domain.values import timestamp_text
from infrastructure.event_store.port import Store, WatchMemory
from infrastructure.watching.log_place import LogPlace
from projections.health.alarm_book import AlarmBook, KeptAlarm, book_adapter


class AnotherWatch(LedgerError):
    """Another watch of the same name writes to the same ledger."""


class StoredWatch:
    """Reads and writes the row of one watch. Each write replaces the whole row, so a write that failed is made good."""

    def __init__(self, name: str) -> None:
        """For the watch of this name."""
        self._name = name
        self._turn = 0
        self._took_seconds: float | None = None
        self._in_doubt: str | None = None

    def read(self, store: Store) -> tuple[LogPlace | None, list[KeptAlarm]]:
        """The place and the alarms that are stored: None and an empty list for a new watch.

        Refuses: StoreUnavailable; HistoryDamaged for a row that cannot be read.
        """
        found = store.watch_memory(self._name)
        if found is None:
            return None, []
        self._turn = found.turn
        try:
            body = json.loads(found.body)
            place = body["place"] and LogPlace(*body["place"])
            return place, book_adapter().validate_python(body["alarms"])
        except (ValueError, TypeError, KeyError) as cause:
            raise HistoryDamaged(
                f"what watch {self._name} remembers (its row of the table watches) cannot be read: {cause}; give the "
                "watch another name, and it starts with an empty memory"
            ) from None

    def write(self, store: Store, place: LogPlace | None, book: AlarmBook, at: datetime) -> None:
        """Store the place and the alarms, with the time and with how long the write before took.

        Shape:   when it is not known whether the last write was committed, the row tells: its text is the new one, or
                 that of the write in doubt; any other text was written by another watch.
        Refuses: StoreUnavailable; AnotherWatch.
        """
        alarms = book_adapter().dump_python(list(book), mode="json")
        told = {"at": timestamp_text(at), "write_seconds": self._took_seconds, "place": place, "alarms": alarms}
        body = json.dumps(told, ensure_ascii=False)
        began = time.perf_counter()
        before, self._in_doubt = self._in_doubt, body
        while not store.remember(self._name, WatchMemory(self._turn + 1, body)):
            found = store.watch_memory(self._name)
            if found is None or found.turn != self._turn + 1 or found.body not in {before, body}:
                raise AnotherWatch(
                    f"another watch of the name {self._name} is at work on {store.settings.shown}: both would ring for "
                    "the same alarms. End one of them, or give it a name of its own: --name"
                )
            self._turn = found.turn
            if found.body == body:
                break
        else:
            self._turn += 1
        self._in_doubt, self._took_seconds = None, round(time.perf_counter() - began, 6)
