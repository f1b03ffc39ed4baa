from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from infrastructure.legacy.logs.reading.clock import DatedZone, LogClock, ZoneNeeded
from infrastructure.legacy.logs.reading.files import UnreadableLog, found, oldest_first, opened, rotated_beside

UTC = LogClock([DatedZone.parse("UTC")])


def write(folder: Path, **texts: str) -> dict[str, Path]:
    paths = {}
    for name, text in texts.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
        paths[name] = path
    return paths


def at(day: int, hour: int = 0) -> str:
    return f"2025-10-{day:02} {hour:02}:00:00,000 - bot - INFO - hello\n"


def test_rotated_files_are_read_oldest_first(tmp_path: Path) -> None:
    made = write(tmp_path, bot_log=at(23), bot_log_1=at(22), bot_log_2_gz=at(21), bot_log_10_gz=at(13))
    expected = ["bot.log.10.gz", "bot.log.2.gz", "bot.log.1", "bot.log"]
    assert [path.name for path in oldest_first(made.values(), UTC)] == expected
    assert [path.name for path in oldest_first(reversed(made.values()), UTC)] == expected


def test_the_time_in_a_file_counts_more_than_its_number(tmp_path: Path) -> None:
    made = write(tmp_path, a_log=at(23), b_log=at(21), c_log_1=at(22))
    assert [path.name for path in oldest_first(made.values(), UTC)] == ["b.log", "c.log.1", "a.log"]


def test_where_times_do_not_tell_the_number_does(tmp_path: Path) -> None:
    made = write(tmp_path, bot_log=at(22), bot_log_1="  the rest of a record\n", bot_log_2=at(22), bot_log_3=at(22))
    assert [path.name for path in oldest_first(made.values(), UTC)] == [
        "bot.log.3",
        "bot.log.2",
        "bot.log.1",
        "bot.log",
    ]


def test_files_of_both_clocks_are_in_the_order_of_the_world(tmp_path: Path) -> None:
    made = write(
        tmp_path, x_log="2025-10-28 23:00:00,000 - a - INFO - x\n", y_log="2025-10-29 00:00:00,000 - a - INFO - y\n"
    )
    clock = LogClock([DatedZone.parse("-04:00"), DatedZone.parse("UTC@2025-10-29")])
    assert [path.name for path in oldest_first(made.values(), clock)] == ["y.log", "x.log"]


def test_order_needs_the_zone(tmp_path: Path) -> None:
    with pytest.raises(ZoneNeeded):
        oldest_first(write(tmp_path, a_log=at(1), b_log=at(2)).values(), LogClock())


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path, bot_log=at(1))["bot_log"]
    assert oldest_first([path, path], UTC) == [path]


def test_a_directory_means_the_logs_in_it(tmp_path: Path) -> None:
    write(tmp_path, bot_log=at(1), bot_log_1=at(1), notes_txt="no log", _hidden_log=at(1))
    assert [path.name for path in found(tmp_path)] == ["bot.log", "bot.log.1"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableLog, match="holds no file"):
        found(tmp_path / "empty")


def test_rotated_files_are_known_by_their_names(tmp_path: Path) -> None:
    names = ["bot.log.1", "bot.log.2.gz", "bot.log.2025-10-21", "bot.log-20251021.gz"]
    for name in [*names, "bot.log", "robot.log.1", "bot.log.old", "bot.log.1.txt"]:
        (tmp_path / name).touch()
    assert sorted(path.name for path in rotated_beside(tmp_path / "bot.log")) == sorted(names)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_is_unpacked(pack: type[bytes], tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(pack(b"hello"))
    told: list[int] = []
    with (tmp_path / "log").open("rb") as file, opened(file, told.append) as stream:
        assert stream.read() == b"hello"
    assert sum(told) == (tmp_path / "log").stat().st_size


@pytest.mark.parametrize(("start", "name"), [(b"PK\x03\x04", "zip"), (b"\x28\xb5\x2f\xfd", "zstd")])
def test_what_cannot_be_unpacked_is_refused(start: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(start + b"...")
    with (
        (tmp_path / "log").open("rb") as file,
        pytest.raises(UnreadableLog, match=f"compressed with {name}"),
        opened(file),
    ):
        pass
