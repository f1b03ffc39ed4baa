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
from infrastructure.operations.proof.session_proofs import SessionProofs
from infrastructure.settings import Settings
from projections.progress import Progress, no_progress

_REPORT: Final = "tell those who run the server what it answered; a ledger may not be kept here"
_FIRST: Final = "put right first what failed above"


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
    """The proofs of sessions first; a ledger is created for the others only if none of those failed."""
    failed = False
    for each in _tried(sessions.proofs()):
        failed = failed or each.verdict is Verdict.FAILED
        yield each
    if failed:
        yield Guarantee("schema", Verdict.UNKNOWN, "not tried, and neither was what rests on it", _FIRST)
        return
    try:
        with scratch_schema(sessions.one, settings) as scratch, closing(LedgerProofs(scratch)) as of_ledger:
            yield Guarantee("schema", Verdict.PROVEN, "every table, index and trigger of a ledger was made")
            yield from _tried(of_ledger.proofs())
    except errors.InsufficientPrivilege as error:
        advice = "run it as a role that may create a schema in this database (GRANT CREATE ON DATABASE)"
        yield Guarantee("schema", Verdict.UNKNOWN, _words(error), advice)
    except (psycopg.Error, LedgerError) as error:
        yield Guarantee("schema", Verdict.FAILED, _words(error), _REPORT)


def _tried(proofs: Mapping[str, Callable[[], str]]) -> Iterator[Guarantee]:
    for name, proof in proofs.items():
        try:
            yield Guarantee(name, Verdict.PROVEN, proof())
        except NotGuaranteed as instead:
            yield Guarantee(name, instead.verdict, instead.evidence, instead.advice)
        except StoreUnavailable as error:
            yield Guarantee(name, Verdict.UNKNOWN, _words(error), "run it again, when the server answers in time")
        except (psycopg.Error, LedgerError) as error:
            yield Guarantee(name, Verdict.FAILED, _words(error), _REPORT)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
