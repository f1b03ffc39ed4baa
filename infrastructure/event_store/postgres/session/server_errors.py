"""Errors of PostgreSQL and of the pool, translated into errors of the ledger with a way out."""

from __future__ import annotations

import errno
import os

import psycopg
from psycopg import errors

from domain.errors import HistoryDamaged, SchemaMismatch, StoreError, StoreUnavailable
from infrastructure.event_store.postgres.session import connection_info
from infrastructure.event_store.postgres.session.pool import PoolTimeout
from infrastructure.event_store.postgres.session.session_settings import wait_seconds
from infrastructure.event_store.sql.migrations import OPENED_BEFORE
from infrastructure.settings import Settings


def explained(error: psycopg.Error | PoolTimeout, settings: Settings) -> StoreError:
    """Translate a PostgreSQL error for the caller when nothing was written, with passwords masked.

    Raise it `from None`: the words of libpq or the server are in the message, and must not appear unmasked beside it.
    """
    meaning, parameters = _meaning(error, settings), connection_info.parameters_of(settings.where)
    return type(meaning)(connection_info.without_secrets(meaning.message, parameters))


def _meaning(error: psycopg.Error | PoolTimeout, settings: Settings) -> StoreError:
    where = settings.shown
    reason = str(error).strip().partition("\n")[0]
    match error:
        case errors.UndefinedTable() | errors.UndefinedColumn() | errors.InvalidSchemaName():
            return SchemaMismatch(f"{where}: {reason}; {OPENED_BEFORE}")
        case errors.InvalidTextRepresentation():
            return HistoryDamaged(
                f"{where} holds a text that it cannot read ({reason}): it was changed after it was stored; "
                "`position-ledger verify` names where"
            )
        case errors.InsufficientPrivilege():
            return StoreUnavailable(
                f"{where}: {reason}; nothing was written. Making, importing and rebuilding are for the role that owns "
                "the ledger; what a bot or a watch needs, the owner grants with `init --runtime-role NAME`, and a "
                "role that only reads needs SELECT on all tables and sequences of the ledger. Statistics first take in "
                "what was recorded since: let a role that may write do so with `stats`, then ask again"
            )
        case errors.ReadOnlySqlTransaction():
            return StoreUnavailable(
                f"{where} is read-only, a standby perhaps; nothing was written. "
                "Name the hosts of its primary too, with target_session_attrs=read-write; if there is no other server, "
                "`position-ledger diagnose` says what keeps it so"
            )
        case errors.QueryCanceled() if "user request" in reason:
            return StoreUnavailable(
                f"{where}: somebody had the server end the statement ({reason}); nothing was written. Send the same "
                "command again"
            )
        case errors.LockNotAvailable() | errors.QueryCanceled():
            return StoreUnavailable(
                f"{where} did not answer within {wait_seconds(settings):g} s ({reason}); nothing was written. Try "
                "again; if it stays so, `position-ledger diagnose`, by a role of pg_read_all_stats, says who keeps a "
                "lock of the ledger"
            )
        case errors.TransactionTimeout():
            return StoreUnavailable(
                f"{where}: {reason}; nothing was written. The transaction_timeout of this role, database or server is "
                "shorter than this takes: raise it (ALTER ROLE NAME SET transaction_timeout = 0), then send the same "
                "command again"
            )
        case errors.DiskFull() | errors.InternalError_() if _is_full(error):
            return StoreUnavailable(
                f"{where} has no disk space left ({reason}); nothing was written. Make room, and send the same command "
                "again"
            )
        case PoolTimeout() if error.__cause__ is not None:
            cause = " ".join(str(error.__cause__).split())
            return StoreUnavailable(f"{where}: {reason} ({cause}); nothing was written")
        case PoolTimeout():
            return StoreUnavailable(
                f"{where}: {reason}, because all {settings.pool_size} of the pool are in use; nothing was written. "
                "Allow more with ?pool_size=N"
            )
        case _:
            return StoreUnavailable(f"{where}: {reason}; nothing was written")


def _is_full(error: psycopg.Error) -> bool:
    """Whether the server's disk is full: for a temporary file it has no code of its own."""
    return isinstance(error, errors.DiskFull) or os.strerror(errno.ENOSPC) in str(error)
