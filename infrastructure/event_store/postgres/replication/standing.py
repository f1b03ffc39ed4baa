"""How a server is replicated: whether a commit waits for another machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from infrastructure.event_store.postgres.session.connections import Connection
from infrastructure.event_store.vocabulary.caution import Caution

LOST_WITH_ITS_MACHINE: Final = "an acknowledged command can be lost with its machine"
ADVICE: Final = (
    "set synchronous_standby_names on the server, with two standbys to choose from, and let failover choose only those "
    "that a commit waited for (Patroni: synchronous_mode and synchronous_mode_strict)"
)

_WAITS: Final = (
    "SELECT pg_catalog.current_setting('synchronous_standby_names'), pg_catalog.current_setting('synchronous_commit'),"
    " pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')"
)
_STANDBYS: Final = (
    "SELECT application_name, coalesce(sync_state, ''), coalesce(flush_lsn::text, '') FROM pg_stat_replication"
    " WHERE state = 'streaming' ORDER BY application_name"
)
_LOCAL: Final = ("off", "local")
"""Values of synchronous_commit with which a commit waits for no standby."""


@dataclass(frozen=True)
class ReplicationStanding:
    """What a commit waits for: the settings, the standbys that stream, and whether this role may see them."""

    names: str
    commit: str
    sees_standbys: bool
    standbys: tuple[tuple[str, str], ...]
    """The streaming standbys, each with its `sync_state`."""

    @property
    def waited_for(self) -> list[str]:
        """The standbys for which every commit waits, be it for all or for a quorum of them."""
        is_waiting = bool(self.names) and self.commit not in _LOCAL
        return [name for name, state in self.standbys if is_waiting and state in ("sync", "quorum")]

    @property
    def is_known(self) -> bool:
        """Whether it is known whether a commit waits for a standby."""
        return self.sees_standbys or not self.names or self.commit in _LOCAL

    @property
    def says(self) -> str:
        """The replication as a sentence."""
        if self.commit in _LOCAL:
            return f"synchronous_commit is {self.commit}, so no commit waits for a standby: {LOST_WITH_ITS_MACHINE}"
        if not self.names:
            if not self.sees_standbys:
                unseen = "standbys, if any, are not seen by this role, and no commit waits for one"
                return f"{unseen}: {LOST_WITH_ITS_MACHINE}"
            beside = f"{len(self.standbys)} streaming, " if self.standbys else ""
            return f"{beside}no commit waits for a standby: {LOST_WITH_ITS_MACHINE}"
        if not self.sees_standbys:
            return f"commits wait for {self.names}, and this role may not see whether anybody is there"
        if not self.waited_for:
            return f"commits wait for {self.names}, and none of them is there: no command is acknowledged"
        return f"commits wait for {self.names}: {', '.join(self.waited_for)}"

    @property
    def caution(self) -> Caution | None:
        """A warning and its remedy; None for a machine without standbys, which is a choice."""
        if not self.is_known:
            return Caution(self.says, "GRANT pg_read_all_stats to the role, or ask as one that has it")
        if self.waited_for or not (self.standbys or self.names):
            return None
        return Caution(self.says, ADVICE)


def standing(connection: Connection) -> ReplicationStanding:
    """The replication of the server of a connection."""
    found = connection.execute(_WAITS).fetchone()
    assert found is not None, "settings have values"
    names, commit, sees_standbys = found
    standbys = tuple((name, state) for name, state, _ in connection.execute(_STANDBYS).fetchall())
    return ReplicationStanding(names, commit, sees_standbys, standbys)


def flushed_by(connection: Connection, names: list[str]) -> dict[str, str]:
    """Up to which position of the write-ahead log some standbys have flushed to disk, by name."""
    return {name: place for name, _, place in connection.execute(_STANDBYS).fetchall() if name in names}
