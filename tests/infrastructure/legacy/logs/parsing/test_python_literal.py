from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from infrastructure.legacy.logs.parsing.python_literal import read_dict


def test_what_is_no_literal_is_kept_as_it_is_written() -> None:
    assert read_dict(
        "{'symbol': 'PERPUSDT', 'qty': Decimal('882.2'), 'at': datetime.datetime(2025, 10, 22, 1, 35), "
        "'status': <Status.ACTIVE: 'active'>, 'ids': [1, 2], 'more': {'a': 'b'}, 'order': None, 'ok': True, 'n': -2027}"
    ) == {
        "symbol": "PERPUSDT",
        "qty": "Decimal('882.2')",
        "at": "datetime.datetime(2025, 10, 22, 1, 35)",
        "status": "<Status.ACTIVE: 'active'>",
        "ids": "[1, 2]",
        "more": "{'a': 'b'}",
        "order": None,
        "ok": "True",
        "n": "-2027",
    }


def test_quotes_and_escapes_are_read_as_python_writes_them() -> None:
    reason = 'binance {"code":-4140}\nDETAIL: it\'s \\ so — ✅'
    assert read_dict(f"tail {{'reason': {reason!r}}} and more") == {"reason": reason}
    assert read_dict('{"reason": "json\\u2705", "x": null}') == {"reason": "json✅", "x": None}


def test_a_dict_that_is_cut_off_gives_what_is_there() -> None:
    assert read_dict("{'symbol': 'PERPUSDT', 'reason': 'dupli")["symbol"] == "PERPUSDT"
    assert read_dict("{'symbol': 'PERPUSDT', 'exchange'") == {"symbol": "PERPUSDT"}
    assert read_dict("no dict at all") == {}


def test_nothing_is_ever_evaluated() -> None:
    assert read_dict("{'symbol': __import__('os').system('exit 1'), 'a': 'b'}") == {
        "symbol": "__import__('os').system('exit 1')",
        "a": "b",
    }


def test_a_bottomless_dict_is_no_danger() -> None:
    assert read_dict("{'a': 'b', 'c': " + "[" * 200_000)["a"] == "b"


values = st.text() | st.integers() | st.none() | st.booleans() | st.lists(st.text())


@given(st.dictionaries(st.text(), values, max_size=6))
def test_whatever_python_prints_is_read_back(entries: dict[str, object]) -> None:
    found = read_dict(repr(entries))
    assert set(found) == set(entries)
    for name, value in entries.items():
        assert found[name] == (value if isinstance(value, str | None) else repr(value))


@given(st.text())
def test_no_text_brings_it_down(text: str) -> None:
    read_dict("{" + text)
