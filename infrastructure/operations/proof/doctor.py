"""Running all proofs on a server, in a schema that is dropped afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Final

import psycopg
from psycopg import errors

from domain.errors import LedgerError, StoreUnavailable
from infrastructure.event_store.postgres.session import poolers
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.operations.proof.guarantee import DoctorReport, Guarantee, NotGuaranteed, Verdict
from infrastructure.operations.proof.ledger_proofs import LedgerProofs
from infrastructure.operations.proof.scratch_schema import scratch_schema
from infrastructure.operations.proof.session_proofs import OWN_SESSION, SessionProofs
from infrastructure.settings import Settings
from projections.progress import Progress, no_progress

_REPORT: Final = "tell those who run the server what it answered; a ledger may not be kept here"
_FIRST: Final = "put right first what is not proven above"
_AGAIN: Final = (
    "run it again when the server answers in time. The proofs take up to ten connections at once: let the server, the "
    "role and a pooler grant as many (max_connections, CONNECTION LIMIT, default_pool_size)"
)


def examined(settings: Settings, progress: Progress = no_progress) -> DoctorReport:
    """Try every guarantee on the server of the settings; nothing is left behind.

    Refuses: StoreUnavailable when it cannot be reached; InvalidSettings for a pooler that hands on no options.
    """
    try:
        sessions = SessionProofs(settings)
    except psycopg.Error as error:
        if poolers.is_refusal(error):
            raise poolers.refused(settings) from None
        raise explained(error, settings) from None
    checks: list[Guarantee] = []
    with closing(sessions):
        server = f"PostgreSQL {sessions.one.info.parameter_status('server_version')}"
        for each in _examined(sessions, settings):
            checks.append(each)
            progress(1)
    return DoctorReport(settings.shown, server, tuple(checks))


def _examined(sessions: SessionProofs, settings: Settings) -> Iterator[Guarantee]:
    """The proofs of sessions first; what rests on one that is not proven is not tried."""
    failed = False
    for each in _tried(sessions.proofs(), settings):
        yield each
        if each.verdict in (Verdict.FAILED, Verdict.UNKNOWN):
            failed = True
            if each.check == OWN_SESSION:
                break
    if failed:
        yield Guarantee("schema", Verdict.UNKNOWN, "not tried, and neither was what rests on it", _FIRST)
        return
    try:
        with scratch_schema(sessions.one, settings) as scratch, closing(LedgerProofs(scratch)) as of_ledger:
            yield Guarantee("schema", Verdict.PROVEN, "every table, index and trigger of a ledger was made")
            yield from _tried(of_ledger.proofs(), settings)
    except errors.InsufficientPrivilege as error:
        advice = "run it as a role that may create a schema in this database (GRANT CREATE ON DATABASE)"
        yield Guarantee("schema", Verdict.UNKNOWN, _words(error), advice)
    except (psycopg.Error, LedgerError) as error:
        yield _not_proven("schema", error, settings)


def _tried(proofs: Mapping[str, Callable[[], str]], settings: Settings) -> Iterator[Guarantee]:
    for name, proof in proofs.items():
        try:
            yield Guarantee(name, Verdict.PROVEN, proof())
        except NotGuaranteed as instead:
            yield Guarantee(name, instead.verdict, instead.evidence, instead.advice)
        except (psycopg.Error, LedgerError) as error:
            yield _not_proven(name, error, settings)


def _not_proven(name: str, error: psycopg.Error | LedgerError, settings: Settings) -> Guarantee:
    """A proof that ended with an error: unknown where no connection could be had, or was lost."""
    if isinstance(error, psycopg.OperationalError):
        error = explained(error, settings)
    if isinstance(error, StoreUnavailable):
        return Guarantee(name, Verdict.UNKNOWN, _words(error), _AGAIN)
    return Guarantee(name, Verdict.FAILED, _words(error), _REPORT)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
