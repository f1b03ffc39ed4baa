"""No message contains the password of a database URL, wherever it is in the URL and however it is written."""

from __future__ import annotations

import contextlib
import io
import sys
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import sql

from domain.errors import LedgerError, StoreUnavailable
from infrastructure.event_store.postgres.session import connection_info
from infrastructure.event_store.postgres.session.server_errors import explained
from infrastructure.event_store.postgres.session.session_settings import connection_arguments
from infrastructure.ledger.ledger import PositionLedger
from infrastructure.legacy.shadow.capture.outbox import NoOutbox, Outbox
from infrastructure.legacy.shadow.capture.trigger import Watched
from infrastructure.legacy.source.legacy_database import read_table
from infrastructure.legacy.source.raw import UnreadableDump
from infrastructure.settings import InvalidSettings, Settings
from scripts.cli import main

PLACES = (
    "postgresql://bot:{}@127.0.0.1:1/db",
    "postgresql://bot:{}@127.0.0.1:1/db?timeout=never",
    "postgresql://bot:{}@127.0.0.1:1/db?no_such_option=1",
    "postgresql://bot:{}@127.0.0.1:port/db",
    "postgresql://bot:{}@127.0.0.1:1,127.0.0.1:2/db?schema=a;b",
    "postgresql:/bot:{}@127.0.0.1:1/db",
    "postgresql:bot:{}@127.0.0.1:1/db",
    "postgresql:///bot:{}@127.0.0.1:1/db",
    "postgresql://127.0.0.1:{}/db",
    "postgresql://bot@127.0.0.1:1/db?password={}",
    "postgresql://bot@127.0.0.1:1/db?timeout=2&sslpassword={}&pool_size=0",
    "postgresql://bot@127.0.0.1:1/db?timeout={}",
    "postgresql://bot@127.0.0.1:1/db?{}",
    "postgres://bot:{}@127.0.0.1:1/db#fragment",
    "POSTGRESQL://bot:{}@[::1/db",
    "mysql://bot:{}@127.0.0.1:1/db",
    "bot:{}@127.0.0.1:1/db",
    "{}://127.0.0.1:1/db",
    "sqlite://bot:{}@127.0.0.1:1/db",
    "host=127.0.0.1 port=1 password={}",
    "host=127.0.0.1 port=x password='{}'",
)
CONNECTS = "postgresql://bot:{}@127.0.0.1:1/db?timeout=2"
ODD = (
    "hunter2%zz",
    "hunter%00x",
    "hunter/2x",
    "hunter#2x",
    "hunter?2x",
    "hunter@2x",
    "hun ter2",
    "hunt\ner2",
    "hunter]2",
    "[hunter2",
    "℀hunter",
    "hunter:2x",
    "hun'ter2",
    "hunter=2 x",
    "hunter\udcff",
    "%ffhunter",
    "пароль",
    "hunter&2xyz",
)
passwords = st.one_of(
    st.sampled_from(ODD),
    st.text("abkzQ79/#@?%:&=+ '\"[]\\\t℀é", min_size=6, max_size=14),
    st.text(min_size=5, max_size=12),
).filter(lambda secret: not any(secret in place for place in PLACES))


def pieces(secret: str) -> Iterator[str]:
    """What may stand in no message: five characters of it in a row, for what is cut at an odd letter is known, too."""
    for written in (secret, unquote(secret), quote(secret.encode("utf-8", "surrogateescape"), safe="")):
        yield from (written[at : at + 5] for at in range(len(written) - 4))


def is_told(secret: str, text: str, anyway: str = "") -> bool:
    """Whether a text holds a part of a secret, other than words that are said anyway."""
    ours = "".join((*PLACES, CONNECTS, "postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE", anyway))
    escaped = text.encode("ascii", "backslashreplace").decode()
    return any(piece in said for piece in pieces(secret) if piece not in ours for said in (text, escaped))


def told_by(url: str) -> str:
    """Everything that is said of a URL on the way to a connection, with all that an error hangs on."""
    said = ""
    reads: list[Callable[[], object]] = [
        lambda: Settings.read(url).shown,
        lambda: bool(connection_arguments(Settings.read(url))),
        lambda: bool(connection_info.parameters_of(url)),
    ]
    for read in reads:
        try:
            said += str(read())
        except (LedgerError, ValueError) as wrong:
            said += "".join(traceback.format_exception_only(wrong)) + repr(wrong) + repr(wrong.__cause__)
    return said


@given(st.sampled_from(PLACES), passwords)
@settings(max_examples=400)
def test_no_refusal_of_a_url_holds_a_part_of_a_password(place: str, secret: str) -> None:
    if place.startswith("postgresql://127") and secret.removeprefix("@").isdecimal():
        return  # nobody can tell it from a port, or from a host
    assert not is_told(secret, told_by(place.format(secret)), anyway=told_by(place.format("0")))


@pytest.mark.parametrize("secret", ODD)
def test_neither_does_any_command_say_it(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (CONNECTS, PLACES[5], PLACES[9]):
        url = place.format(secret)
        memory = ["--database", "sqlite:///:memory:"]
        for words in (
            ["positions", "--database", url],
            ["import-legacy", "--from", url, *memory],
            ["shadow", "--from", url, *memory],
        ):
            monkeypatch.setattr(sys, "argv", ["position-ledger", *words])
            out, err = io.StringIO(), io.StringIO()
            with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main()
            assert ended.value.code in (2, 3), err.getvalue()
            assert "Traceback" not in err.getvalue()
            assert not is_told(secret, out.getvalue() + err.getvalue()), err.getvalue()


@pytest.mark.parametrize("secret", ["hunter2", "h/u#n@t?e%r 2:"])
def test_one_that_is_encoded_is_understood_and_not_told(secret: str) -> None:
    url = CONNECTS.format(quote(secret, safe=""))
    assert connection_info.parameters_of(Settings.read(url).where)["password"] == secret
    assert Settings.read(url).shown == "postgresql://127.0.0.1:1/db"
    with pytest.raises(StoreUnavailable) as refused:
        list(read_table(url.removesuffix("?timeout=2")))
    assert "port 1 failed" in refused.value.message and not is_told(secret, refused.value.message)


def test_what_a_server_says_is_told_without_the_password() -> None:
    words = {"password": "s3cret/1", "sslpassword": "abc", "host": "h"}
    assert (
        connection_info.without_secrets("no host s3cret/1.invalid, s3cret%2F1 or abc", words)
        == "no host ***.invalid, *** or ***"
    )
    assert connection_info.without_secrets('role "ab" of abba', {"password": "ab"}) == 'role "***" of abba'


@pytest.mark.parametrize("secret", ["geheim", "x1"])
def test_what_the_server_answers_is_told_without_the_password_with_all_that_it_hangs_on(
    secret: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server repeats what it is asked for, and somebody's password may be the name of anything."""
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(secret)))
    PositionLedger.connect(postgres_url).disconnect()
    try:
        parts = urlsplit(postgres_url)
        url = parts._replace(netloc=f"{secret}:{secret}@{parts.netloc.rpartition('@')[2]}")
        monkeypatch.setattr(sys, "argv", ["position-ledger", "positions", "--database", url.geturl()])
        out, err = io.StringIO(), io.StringIO()
        with pytest.raises(SystemExit), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        assert "permission denied" in err.getvalue() and secret not in err.getvalue()
        told = explained(psycopg.OperationalError(f'no role "{secret}" at {secret}'), Settings.read(url.geturl()))
        assert 'no role "***" at ***' in told.message
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(secret)))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bot:p%40ss@db.example:6432/trading?sslmode=require&options=-c%20a%3Db",
        "postgresql://bot@one:1,two:2/trading",
        "postgresql://bot@one:65535,two/trading?sslmode=verify-full&target_session_attrs=prefer-standby&connect_timeout=2",
        "postgresql://bot@[::1]:5432/trading",
        "postgresql:///trading?host=/var/run/postgresql",
        "postgresql://%2Fvar%2Frun/trading",
        "postgresql://bot:a:b@db.example/trading",
    ],
)
def test_what_is_in_order_is_left_to_libpq(url: str) -> None:
    assert connection_info.parameters_of(Settings.read(url).where)["dbname"] == "trading"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://bot:a#b@h/x", "%23 for #"),
        ("postgresql://bot:a/b@h/x", "%40 for @"),
        ("postgresql://bot:a%zz@h/x", "two hexadecimal digits"),
        ("postgresql://bot:secret/x", "the number of a port"),
        ("postgresql:/bot@h/x", "it does not read postgresql://"),
        ("postgresql://bot@h/x?no_such_option=1", "an option that it does not know"),
        ("postgresql://bot@h:65536/x", "its port is not a number from 1 to 65535"),
        ("postgresql://bot@one:1,two:0/x", "its port is not a number from 1 to 65535"),
        ("postgresql://bot@h/x?sslmode=on", "its sslmode is none of disable, allow, prefer, require, verify-ca"),
        ("postgresql://bot@h/x?sslmode=", "its sslmode is none of"),
        ("postgresql://bot@h/x?target_session_attrs=writable", "is none of any, read-write, read-only, primary"),
        ("postgresql://bot@h/x?channel_binding=yes", "its channel_binding is none of disable, prefer, require"),
        ("postgresql://bot@h/x?connect_timeout=soon", "its connect_timeout is not a number"),
        ("postgresql://bot@h/x?keepalives=yes", "its keepalives is not a number"),
    ],
)
def test_a_refusal_says_the_way_out(url: str, words: str) -> None:
    with pytest.raises(UnreadableDump, match=words):
        list(read_table(url))
    with pytest.raises(NoOutbox, match=words):
        Outbox(url, Watched.read("monitoring.positions"))
    with pytest.raises(InvalidSettings, match=words):
        connection_arguments(Settings.read(url))
