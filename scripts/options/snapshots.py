"""Options that name snapshots of an exchange, from files or taken live, and how far they are trusted."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

import click

from infrastructure.exchanges.document import Given, read_snapshot
from infrastructure.operations.account_comparison import Account
from projections.account_snapshot import AccountSnapshot
from projections.health.checks import NAMELESS
from projections.reconciliation.result import ReconciliationRules
from scripts.cli import UNREACHABLE
from scripts.options.database import Run, timezone_option
from scripts.options.filters import Filter
from scripts.options.params import SECONDS_MAX, TIME, refused_as
from scripts.output import say

CONFIRMATIONS: Final = 2
"""The default: how many reliable snapshots must agree that something is gone."""


@dataclass(frozen=True)
class SnapshotOptions:
    """The snapshot files, and the options about them."""

    files: tuple[str, ...]
    taken_at: datetime | None
    zone: tzinfo | None
    max_age: int | None
    trust_empty: bool

    def arguments(self, snapshots: Sequence[AccountSnapshot]) -> dict[Account, list[str]]:
        """The arguments that name the snapshots, by account; stdin (`-`) is shown as FILE: it can be read only once."""
        named: dict[Account, list[str]] = {}
        for file, snapshot in zip(self.files, snapshots, strict=True):
            words = named.setdefault((snapshot.exchange, snapshot.account), self._read_by(snapshot))
            words += ["--snapshot", "FILE" if file == "-" else file]
        return named

    def _read_by(self, snapshot: AccountSnapshot) -> list[str]:
        """The options without which the files would be read otherwise, or not relied on."""
        taken_at = None if self.taken_at is None else self.taken_at.isoformat()
        said: dict[str, object] = {"--taken-at": taken_at, "--timezone": self.zone, "--max-age": self.max_age}
        words = [word for name, value in said.items() if value is not None for word in (name, str(value))]
        return [*(NAMELESS if snapshot.is_of_nameless else ()), *words, *["--trust-empty"] * self.trust_empty]

    def rules(self, wanted: Filter, confirmations: int = CONFIRMATIONS) -> ReconciliationRules:
        """How far the snapshots are trusted."""
        age_max = None if self.max_age is None else timedelta(seconds=self.max_age)
        return ReconciliationRules(
            confirmations=confirmations, age_max=age_max, trust_empty=self.trust_empty, symbol=wanted.symbol
        )

    def given(self, wanted: Filter) -> Given:
        """What the options say about the files. Refuses: a usage error for an option that fits no file."""
        if self.taken_at is not None and len(self.files) != 1:
            raise click.UsageError("--taken-at is for one --snapshot")
        if self.zone is not None and not self.files:
            raise click.UsageError("--timezone is for --snapshot; the exchange itself says its times in UTC")
        return Given(wanted.exchange, wanted.account, self.taken_at, self.zone)

    def read(self, wanted: Filter) -> list[AccountSnapshot]:
        """Read the files. Refuses: a usage error."""
        given = self.given(wanted)
        return [read_exchange_snapshot(name, given) for name in self.files]


def read_snapshot_file(name: str, given: Given) -> AccountSnapshot:
    """Read a file. Refuses: a usage error for a file that is no snapshot, or one of another exchange than `given`."""
    with click.open_file(name, "rb") as stream, refused_as(name):
        return read_snapshot(stream.read(), given)


def read_exchange_snapshot(name: str, given: Given) -> AccountSnapshot:
    """Read a file as `read_snapshot_file` does. Refuses: also a usage error for one that names no exchange."""
    snapshot = read_snapshot_file(name, given)
    if snapshot.exchange is None:
        doubts = "; ".join(snapshot.doubts) or "it does not say of which exchange it is"
        raise click.UsageError(f"{name}: {doubts}; name it with --exchange")
    return snapshot


def exact_times(snapshots: Iterable[AccountSnapshot]) -> None:
    """Require the exact time of each snapshot; only commands that change nothing may use the earliest possible time.

    Refuses: a usage error for an ambiguous time.
    """
    for snapshot in snapshots:
        if not snapshot.is_time_exact:
            raise click.UsageError(" ".join(snapshot.notes) or "say with --taken-at when the snapshot was taken")


def live_snapshots(
    given: Given, is_enough: Callable[[list[AccountSnapshot]], bool], *, confirmations: int, interval: int | None
) -> list[AccountSnapshot]:
    """Ask the exchange; with an `interval` again until `is_enough`, at most `confirmations` times.

    Refuses: a usage error unless the exchange is named and can be asked; exits with 3 when it does not answer.
    """
    snapshots = [read_snapshot(live_document(given), given)]
    while interval and len(snapshots) < confirmations and not is_enough(snapshots):
        say(f"asking again in {interval} s, to confirm what is missing")
        time.sleep(interval)
        snapshots.append(read_snapshot(live_document(given), given))
    return snapshots


def live_document(given: Given, *, with_balances: bool = False) -> bytes:
    """The account as the exchange shows it now, as a document. Refuses as `live_snapshots` does."""
    from infrastructure.exchanges import ccxt_live  # noqa: PLC0415 - a file needs no client

    if given.exchange is None:
        raise click.UsageError(f"say which exchange to ask: --exchange {' or '.join(ccxt_live.CLASSES)}")
    with _asking():
        asked = ccxt_live.Asked.of(given.exchange, given.account)
        return ccxt_live.fetch_document(asked, with_balances=with_balances)


def live_markets(exchange: str) -> bytes:
    """The markets that the exchange lists now. Refuses as `live_snapshots` does."""
    from infrastructure.exchanges import ccxt_live  # noqa: PLC0415 - as above

    with _asking():
        return ccxt_live.fetch_markets(ccxt_live.Asked.by_nobody(exchange))


@contextmanager
def _asking() -> Iterator[None]:
    from infrastructure.exchanges import ccxt_live  # noqa: PLC0415 - as above

    try:
        yield
    except ccxt_live.ExchangeUnavailable as error:
        say(f"{type(error).__name__}: {error}")
        raise SystemExit(UNREACHABLE) from None
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None


def confirmations_option(run: Run) -> Run:
    """`--confirmations N`: one snapshot without a position is no proof that it is gone."""
    return click.option(
        "--confirmations",
        type=click.IntRange(1, 10),
        default=CONFIRMATIONS,
        show_default=True,
        help="How many reliable snapshots must agree that something is gone.",
    )(run)


def interval_option(run: Run) -> Run:
    """`--interval SECONDS`, for snapshots that are taken live."""
    return click.option(
        "--interval",
        type=click.IntRange(10, 3600),
        default=15,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait before the exchange is asked again, to confirm that something is gone.",
    )(run)


def taken_at_option(run: Run) -> Run:
    """`--taken-at TIME`, for a snapshot."""
    return click.option(
        "--taken-at", metavar="TIME", type=TIME, help="When the snapshot was taken, if it does not say so."
    )(run)


def snapshot_options(run: Callable[..., None]) -> Callable[..., None]:
    """Add the options about snapshots; the command gets one SnapshotOptions as `shown`."""

    @click.option(
        "--snapshot",
        "files",
        multiple=True,
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="A snapshot of an exchange, as JSON; - is stdin. Several of different times confirm each other.",
    )
    @click.option(
        "--max-age",
        type=click.IntRange(1, SECONDS_MAX),
        metavar="SECONDS",
        help="A snapshot older than this is stale.  [default: 15 minutes, where something depends on it]",
    )
    @click.option(
        "--trust-empty",
        is_flag=True,
        help="Trust a snapshot although it shows none, or few, of the positions in the ledger, or of their stops.",
    )
    @taken_at_option
    @timezone_option
    @functools.wraps(run)
    def with_snapshots(
        files: tuple[str, ...],
        max_age: int | None,
        taken_at: datetime | None,
        zone: tzinfo | None,
        *,
        trust_empty: bool,
        **others: Any,
    ) -> None:
        run(shown=SnapshotOptions(files, taken_at, zone, max_age, trust_empty), **others)

    return with_snapshots
