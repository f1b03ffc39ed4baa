"""A path that the system cannot follow is a database that cannot be reached, before a command and between two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domain.errors import SchemaMismatch, StoreUnavailable
from infrastructure.ledger.ledger import PositionLedger

ENTRY: dict[str, Any] = {"symbol": "APTUSDT", "exchange": "binance", "side": "long", "quantity": "1"}


def circle(path: Path) -> Path:
    """A link that leads back to itself."""
    path.symlink_to(path)
    return path


@pytest.mark.parametrize("create", [True, False])
def test_a_path_that_the_system_does_not_follow_is_said_with_its_reason(tmp_path: Path, *, create: bool) -> None:
    for path, reason in {
        circle(tmp_path / "circle.db"): "Too many levels of symbolic links",
        tmp_path / ("a" * 300): "File name too long",
    }.items():
        with pytest.raises(StoreUnavailable, match=f"cannot be looked up: {reason}; nothing was written"):
            PositionLedger.connect(f"sqlite:///{path}", create=create)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    url = f"sqlite:///{tmp_path}/file/ledger.db"
    with pytest.raises(StoreUnavailable, match=f"there is no folder {tmp_path}/file"):
        PositionLedger.connect(url)
    with pytest.raises(SchemaMismatch, match="there is no ledger at"):
        PositionLedger.connect(url, create=False)


def test_a_path_that_the_system_follows_no_longer_is_told_to_whoever_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    with PositionLedger.connect(f"sqlite:///{folder}/ledger.db") as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
        elsewhere = folder.rename(tmp_path / "elsewhere")
        circle(folder)
        with pytest.raises(StoreUnavailable, match="cannot be looked up: Too many levels"):
            ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="2")
        with pytest.raises(StoreUnavailable, match="cannot be looked up: Too many levels"):
            ledger.positions()
        folder.unlink()
        elsewhere.rename(folder)
        assert ledger.request_entry(**ENTRY | {"symbol": "SUIUSDT"}, intent_id="2").outcome == "recorded"


def test_a_link_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("ledger.db")
    with PositionLedger.connect(f"sqlite:///{tmp_path}/link.db") as ledger:
        ledger.request_entry(**ENTRY, intent_id="1")
    with PositionLedger.connect(f"sqlite:///{tmp_path}/ledger.db", create=False) as ledger:
        assert len(ledger.positions()) == 1
