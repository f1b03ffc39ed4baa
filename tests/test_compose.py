"""The compose file: its services run existing commands, each as a role with only the privileges that it needs."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click
import psycopg
import pytest
import yaml
from psycopg import errors, sql

from domain.errors import StoreUnavailable
from infrastructure.event_store.port import WatchMemory
from infrastructure.event_store.postgres import schema
from infrastructure.event_store.postgres.session import connections
from infrastructure.integrity.verify import verify
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.metering.exposition import exposition
from infrastructure.operations.health import Question, examine
from infrastructure.settings import Settings
from projections.health.ledger_status import OLD
from projections.reconciliation.result import ReconciliationRules
from scripts.catalogue import COMMANDS
from tests.infrastructure.roles import as_role
from tests.pages import TOP, read
from tests.urls import with_options

HOME = TOP / "deploy" / "compose"
COMPOSE: dict[str, Any] = yaml.safe_load(read(HOME / "compose.yaml"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "position-ledger"}
VARIABLE = re.compile(r"\$\{(\w+)(:[?-][^}]*)?\}")
ROLES = {"init": "ledger_owner", "watch": "ledger_watch", "serve": "ledger_reader"}
ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "short", "quantity": "61.8"}


def test_services_start_after_what_they_need() -> None:
    assert {name: sorted(service.get("depends_on", {})) for name, service in SERVICES.items()} == {
        "postgres": [],
        "init": ["postgres"],
        "grants": ["init"],
        "watch": ["grants"],
        "serve": ["grants"],
    }
    assert SERVICES["init"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert "pg_isready" in SERVICES["postgres"]["healthcheck"]["test"][1]


@pytest.mark.parametrize("name", [name for name in OURS if SERVICES[name]["command"][0] in COMMANDS])
def test_a_service_runs_a_command_that_there_is(name: str) -> None:
    verb, *words = OURS[name]["command"]
    command: click.Command = import_module(COMMANDS[verb].module).command
    command.make_context(verb, words)


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_its_own_role_and_may_do_nothing_to_its_machine(name: str) -> None:
    service = OURS[name]
    assert f"//{ROLES[name]}@postgres/" in service["environment"]["LEDGER_DATABASE_URL"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert "privileged" not in service


def test_no_port_is_open_to_others() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_every_secret_is_named_in_the_example_and_stands_nowhere() -> None:
    named = dict(line.split("=", 1) for line in read(HOME / "example.env").splitlines() if line and line[0] != "#")
    asked = {name for name, _ in VARIABLE.findall(read(HOME / "compose.yaml"))}
    assert asked == named.keys()
    assert set(named.values()) == {""}


def test_what_is_mounted_or_copied_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (HOME / source).is_file()
    copied = [line.split()[1:-1] for line in read(HOME / "Dockerfile").splitlines() if line.startswith("COPY ")]
    assert all((TOP / source).exists() for sources in copied for source in sources)


@pytest.fixture
def roles(postgres_url: str) -> Iterator[dict[str, str]]:
    """The ledger as the services make it, each role under a name of this test's, and its URL as that role."""
    ending = uuid.uuid4().hex[:8]
    script = read(HOME / "roles.sh").partition("<<'SQL'\n")[2].removesuffix("SQL\n")
    grants = read(HOME / "grants.sql")
    names = sorted(set(re.findall(r"CREATE ROLE (\w+)", script)))

    def renamed(text: str) -> bytes:
        for name in names:
            text = re.sub(rf"\b{name}\b", f"{name}_{ending}", text)
        return re.sub(r" PASSWORD :'\w+'", "", text).encode()

    url = with_options(postgres_url, "schema=ledger")
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(renamed(script))
        try:
            database = admin.info.dbname
            admin.execute(
                sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(f"ledger_owner_{ending}")
                )
            )
            urls = {name: as_role(url, f"{name}_{ending}") for name in names}

            opened = connections.Connections(Settings.read(urls["ledger_owner"]))
            schema.migrate(opened, f"ledger_bot_{ending}")
            opened.close()
            plain = as_role(postgres_url, f"ledger_owner_{ending}")
            with psycopg.connect(plain, autocommit=True) as owner:
                owner.execute(renamed(grants))
            yield urls | {"plain grafana": as_role(postgres_url, f"ledger_grafana_{ending}")}
        finally:
            for name in names:
                admin.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(f"{name}_{ending}")))
            for name in names:
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(f"{name}_{ending}")))


def test_bots_append_and_the_watch_reads_remembers_and_appends_nothing(roles: dict[str, str]) -> None:
    with PositionLedger.connect(roles["ledger_bot"], create=False) as bot:
        bot.request_entry(**ENTRY, intent_id="1")
    with PositionLedger.connect(roles["ledger_watch"], create=False) as watch:
        question = Question(now=watch._clock(), age=OLD, rules=ReconciliationRules())
        assert examine(watch, question).ok
        assert watch.store.remember("watch", WatchMemory(1, "{}"))
        with pytest.raises(StoreUnavailable, match="permission denied"):
            watch.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="1")


def test_whoever_looks_records_nothing_and_takes_in_the_statistics(roles: dict[str, str]) -> None:
    with PositionLedger.connect(roles["ledger_bot"], create=False) as bot:
        bot.request_entry(**ENTRY, intent_id="1")
    with PositionLedger.connect(roles["ledger_reader"], create=False) as reader:
        assert [row.position_id for row in reader.positions()] == ["APTUSDT.binance#1"]
        assert b"position_ledger_events_total 1.0" in exposition(reader)
        assert reader.statistics().opened == 1
        assert verify(reader.store).ok
        for write in (
            lambda: reader.store.remember("watch", WatchMemory(1, "{}")),
            lambda: reader.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="1"),
        ):
            with pytest.raises(StoreUnavailable, match="permission denied"):
                write()


def test_a_dashboard_reads_positions_and_nothing_else_also_after_a_rebuild(roles: dict[str, str]) -> None:
    with PositionLedger.connect(roles["ledger_owner"], create=False) as owner:
        owner.request_entry(**ENTRY, intent_id="1")
        owner.rebuild()
    with psycopg.connect(roles["plain grafana"], autocommit=True) as grafana:
        assert grafana.execute("SELECT count(*) FROM positions JOIN positions_orders USING (position_id)").fetchone()
        with pytest.raises(errors.InsufficientPrivilege):
            grafana.execute("SELECT FROM ledger_events")
        with pytest.raises(errors.ReadOnlySqlTransaction):
            grafana.execute("CREATE TEMPORARY TABLE mine (a int)")


def test_the_script_of_the_roles_is_one_that_a_shell_reads() -> None:
    assert subprocess.run(["sh", "-n", HOME / "roles.sh"], check=False).returncode == 0
    assert (HOME / "roles.sh").stat().st_mode & 0o111
