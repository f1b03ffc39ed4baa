"""The content of pages: texts of a ledger are never markup, and nothing is loaded from the network."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from domain.commands.base import Command
from domain.commands.requests import Activate, Adopt, Close, LoseStopLoss, RecordEntryFill, Reduce, SetStopLoss
from domain.values import Side
from projections.audit.narrative import story
from projections.metrics.profit import Profit
from projections.positions import PositionRow
from scripts.html.cycle_chart import draw, key
from scripts.html.cycle_page import EventTable, write_page
from scripts.html.page import TEMPLATES, filled, part
from scripts.html.price_scale import PriceScale
from scripts.html.shapes import SIZES, Size, px, spread
from scripts.html.time_scale import EnlargedScale, TimeScale, time_scale
from tests.projections.cycles import LATER, cycle, refused, rivals
from tests.scripts.cases import HOSTILE
from tests.spec import FILLED, PLACED, STOP, on, request, second

ENTERED = ((0, request()), (1, PLACED), (2, FILLED), (5, STOP), (6, on(Activate)))
CLOSED = on(Close, exit_reason="target", avg_px_close="3.1")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def page(folder: Path, *sent: tuple[float, Command], **values: object) -> str:
    told = story(cycle(*sent), [*rivals([3, 3.1]), refused(4, HOSTILE)], LATER)
    path = folder / "page.html"
    table = EventTable(("version", "cycle", "when (UTC)", "what"), [(1, 1, "now", HOSTILE)], 1, is_open=True, hash="00")
    write_page(path, str(values.get("title", "APT")), [(told, table)], as_of=None, written_at=second(7))
    return path.read_text(encoding="utf-8")


def test_nothing_that_others_wrote_becomes_markup(tmp_path: Path) -> None:
    hostile = on(Close, exit_reason=HOSTILE, avg_px_close="3.1")
    text = page(
        tmp_path, (0, request(intent_id=HOSTILE[:60].strip(" \x1b[31m"))), *ENTERED[1:], (9, hostile), title=HOSTILE
    )
    assert "script" not in Tags(text).tags and "&lt;script&gt;" in text
    assert not [name for name, _ in Tags(text).attributes if name.startswith("on")]


def test_nothing_is_fetched(tmp_path: Path) -> None:
    text = page(tmp_path, *ENTERED, (9, CLOSED))
    assert not re.findall(r"https?:|//|@import|url\((?!#)", text.replace("</", ""))
    assert not {name for name, _ in Tags(text).attributes} & {"src", "href", "srcset", "data", "action"}
    assert "default-src 'none'" in text


def test_a_drawing_has_a_title_and_a_description_in_words(tmp_path: Path) -> None:
    text = page(tmp_path, *ENTERED, (100, on(LoseStopLoss, reason="gone")), (160, CLOSED))
    ids = re.findall(r'aria-labelledby="(\S+) (\S+)"', text)
    assert ids and all(f'id="{title}"' in text and f'id="{words}"' in text for title, words in ids)
    assert len(set(ids)) == len(ids)
    assert "Unprotected 2 times, 1 min 3 s in all, longest 1 min from 18:52:20.000. 3 rivals refused." in text


def test_a_chart_of_several_days_says_the_zone_and_of_each_mark_the_day(tmp_path: Path) -> None:
    day = 86_400
    lost = (
        (3 * day, on(LoseStopLoss, reason="gone")),
        (3 * day + 60, on(SetStopLoss, stop_price="3.3", exchange_order_id="s")),
    )
    text = page(tmp_path, *ENTERED, *lost, (4 * day, CLOSED))
    assert "<figcaption>APTUSDT.binance#1, from beginning to end (UTC)</figcaption>" in text
    assert "From 2025-10-22 18:50:40 UTC on. Status: " in text
    assert "longest 1 min from 2025-10-25 18:50:40.000." in text
    assert "unprotected for 1 min, from 2025-10-25 18:50:40.000: the stop was lost" in text
    assert "closed at 3.1, 2025-10-26 18:50:40.000</title>" in text
    assert re.search(r"entered at [0-9.]+, 18:50:42.000</title>", text)


@pytest.mark.parametrize(
    "sent",
    [
        ((0, request()),),
        ((0, request(signal_price=None)), (5, PLACED)),
        ((0, request()), (0, PLACED), (0, FILLED), (0, STOP), (0, on(Activate)), (0, CLOSED)),
        ((0, Adopt.of(symbol="APTUSDT", exchange="binance", side="long", quantity="1", avg_px_open="2", reason="x")),),
    ],
    ids=["one event", "no price", "all at once", "adopted"],
)
def test_a_cycle_of_which_little_is_known_has_a_page_too(
    tmp_path: Path, sent: tuple[tuple[float, Command], ...]
) -> None:
    assert "APTUSDT.binance#1" in page(tmp_path, *sent).replace("<wbr>", "")


def test_a_page_of_three_thousand_moves_stays_light() -> None:
    moves = [
        (10 + at, on(SetStopLoss, stop_price=f"{3.29 - at / 100000:.5f}", exchange_order_id=f"s{at}"))
        for at in range(3000)
    ]
    time = story(cycle(*ENTERED, *moves), rivals(range(20, 2000)), LATER).timeline
    for size in SIZES:
        drawing = draw(time, Side.SHORT, "", size)
        assert len(drawing.lines) + len(drawing.boxes) + len(drawing.words) < 200
        assert sum(len(line.path) for line in drawing.lines) < 100_000


def test_many_fills_at_one_place_are_drawn_once() -> None:
    fills = [(2 + at / 1000, on(RecordEntryFill, trade_id=f"t{at}", last_qty="1", last_px="3.2")) for at in range(500)]
    time = story(cycle((0, request(quantity="500")), (1, PLACED), *fills, (900, CLOSED)), [], LATER).timeline
    assert sum(line.look == "entry" for line in draw(time, Side.SHORT, "", SIZES[0]).lines) == 1


def test_an_exit_at_the_place_of_an_entry_is_drawn_beside_it() -> None:
    undone = on(Reduce, trade_id="x", last_qty="61.8", last_px="3.2333")
    time = story(cycle((0, request()), (1, PLACED), (2, FILLED), (2.001, undone), (900, CLOSED)), [], LATER).timeline
    assert {"entry", "exit"} <= {line.look for line in draw(time, Side.SHORT, "", SIZES[0]).lines}


def test_a_label_says_where_digits_are_left_out() -> None:
    filled_at = on(RecordEntryFill, trade_id="t1", last_qty="61.8", last_px="106629.46667")
    time = story(cycle((0, request(signal_price="106629.5")), (1, PLACED), (2, filled_at)), [], LATER).timeline
    labels = [words.text for words in draw(time, Side.SHORT, "", SIZES[0]).words if words.look.startswith("label of-")]
    assert sorted(labels) == ["entry ≈106629.5", "signal 106629.5"]


def test_gaps_are_wide_enough_to_be_seen_but_never_look_like_one() -> None:
    lost = on(LoseStopLoss, reason="replaced")

    def bare(times: int) -> float:
        steps: list[tuple[float, Command]] = []
        for at in range(10, 10 + 4 * times, 4):
            steps += [(at, lost), (at + 0.01, on(SetStopLoss, stop_price="3.29", exchange_order_id=f"s{at}"))]
        drawing = draw(story(cycle(*ENTERED, *steps, (9000, CLOSED)), [], LATER).timeline, Side.SHORT, "", SIZES[0])
        _entry, *later = [box.width for box in drawing.boxes if box.look == "bare"]
        return sum(later)

    assert bare(1) == pytest.approx(3)
    assert bare(2000) < 100


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
@pytest.mark.parametrize(("lost_at", "anchor"), [(100, "start"), (995, "end")])
def test_the_label_of_a_lost_stop_stays_within_the_plot(size: Size, lost_at: int, anchor: str) -> None:
    sent = (*ENTERED, (lost_at, on(LoseStopLoss, reason="gone")), (1000, CLOSED))
    drawing = draw(story(cycle(*sent), [], LATER).timeline, Side.SHORT, "", size)
    (label,) = [words for words in drawing.words if words.look == "label of-stop"]
    end = label.x + (px(label.text) if anchor == "start" else 0)
    begin = label.x - (px(label.text) if anchor == "end" else 0)
    assert label.anchor == anchor
    assert size.left <= begin and end <= size.width - size.right


def test_the_entry_is_drawn_larger_only_where_it_would_be_lost() -> None:
    def looks(*sent: tuple[float, Command]) -> set[str]:
        drawing = draw(story(cycle(*sent), [], LATER).timeline, Side.SHORT, "", SIZES[0])
        return {line.look for line in drawing.lines}

    assert "edge" in looks(*ENTERED, (900, CLOSED))
    assert "edge" not in looks(*ENTERED, (12, CLOSED))
    assert "edge" not in looks((0, request()))


def test_a_cycle_has_one_chart(tmp_path: Path) -> None:
    text = page(tmp_path, *ENTERED, (900, CLOSED))
    assert text.count("<figure>") == 1 and text.count('<svg class="drawing') == len(SIZES)


def test_a_chart_shows_the_plan_and_what_went_wrong() -> None:
    sent = ((0, request(stop_loss_percent="2")), *ENTERED[1:], (100, on(LoseStopLoss, reason="gone")), (160, CLOSED))
    time = story(cycle(*sent), rivals([50]), LATER).timeline
    drawing = draw(time, Side.SHORT, "", SIZES[0])
    said = {line.look: line.says for line in drawing.lines}
    assert said["planned"] == "the stop was planned at 3.297966"
    assert said["failed"] == '18:52:20.000 a stop is gone: "gone"' and "failed" in dict(key(time, Side.SHORT))
    assert 'At 18:52:20.000 a stop is gone: "gone".' in drawing.description
    quiet = draw(story(cycle(*ENTERED, (160, CLOSED)), [], LATER).timeline, Side.SHORT, "", SIZES[0])
    assert not {"planned", "failed"} & {line.look for line in quiet.lines}


# -- scales -----------------------------------------------------------------------------------------------------


def test_time_is_linear_unless_nothing_happened_for_very_long() -> None:
    scale = TimeScale([second(0), second(5), second(10)], 100, 200)
    assert [scale.x(second(at)) for at in (0, 2.5, 10, 99, -1)] == [100, 125, 200, 200, 100]
    assert not scale.cuts


def test_a_quiet_year_is_cut_short_and_the_rest_keeps_one_scale() -> None:
    year = timedelta(days=365)
    scale = TimeScale([second(0), second(5), second(5) + year, second(10) + year], 0, 1000)
    assert len(scale.cuts) == 1
    assert scale.x(second(5)) - scale.x(second(0)) == pytest.approx(
        scale.x(second(10) + year) - scale.x(second(5) + year)
    )
    assert {tick.date for tick in scale.ticks()} >= {"2025-10-22", "2026-10-22"}


def test_a_quiet_stretch_is_cut_short_sooner_after_the_end() -> None:
    times = [second(0), second(10), second(10 + 25 * 10)]
    assert not TimeScale(times, 0, 1000).cuts
    assert len(TimeScale(times, 0, 1000, over_at=second(10)).cuts) == 1
    assert not TimeScale([*times[:2], second(10 + 23 * 10)], 0, 1000, over_at=second(10)).cuts


def test_a_beginning_that_would_be_lost_is_drawn_larger_and_every_moment_keeps_its_order() -> None:
    points = [second(at) for at in (0, 5, 3600)]
    scale = time_scale(points, 0, 1000, over_at=points[-1], beginning=second(5))
    assert isinstance(scale, EnlargedScale) and scale.x(second(5)) == scale.edge == 340
    xs = [scale.x(second(at)) for at in range(3601)]
    assert xs == sorted(xs) and (xs[0], xs[-1]) == (0, 1000)
    ticks = scale.ticks()
    assert all(later.x - earlier.x > 60 for earlier, later in pairwise(ticks))
    assert [tick.date for tick in ticks if tick.date] == ["2025-10-22"]
    assert not isinstance(time_scale(points, 0, 1000, over_at=points[-1], beginning=second(900)), EnlargedScale)
    assert not isinstance(time_scale(points, 0, 1000, over_at=points[-1], beginning=None), EnlargedScale)


def test_ticks_are_round_and_never_run_into_each_other() -> None:
    for seconds in (0.004, 1, 7, 61, 3599, 86400, 86400 * 40, 86400 * 9000):
        ticks = TimeScale([second(0), second(seconds)], 0, 800).ticks()
        assert 1 <= len(ticks) <= 11
        assert all(later.x - earlier.x > 60 for earlier, later in pairwise(ticks))


def test_one_moment_alone_has_a_place() -> None:
    assert TimeScale([second(0)], 0, 100).x(second(0)) == 50 and len(TimeScale([second(0)], 0, 100).ticks()) == 1


@pytest.mark.parametrize(
    ("prices", "labels"),
    [
        (["3.2295", "3.2941"], ["3.23", "3.24", "3.25", "3.26", "3.27", "3.28", "3.29", "3.3"]),
        (["0.000000154"], ["0.000000153", "0.000000154", "0.000000155"]),
        (["0"], ["-1", "0", "1"]),
        (["99000", "101000"], ["99000", "99500", "100000", "100500", "101000"]),
    ],
)
def test_price_ticks_are_round_and_exact(prices: list[str], labels: list[str]) -> None:
    shown = [text for _, text in PriceScale([Decimal(price) for price in prices], 0, 100).ticks(8)]
    assert set(labels) <= set(shown) and len(shown) <= 9


def test_labels_are_moved_apart_and_stay_inside() -> None:
    assert spread([10, 12, 90], 15, 5, 100) == [10, 25, 90]
    assert spread([98, 99, 100], 15, 5, 100) == [70, 85, 100]
    assert spread([], 15, 0, 100) == []


def test_a_cycle_that_needs_a_person_says_what_to_run(tmp_path: Path) -> None:
    open_one = (*ENTERED, (100, on(LoseStopLoss, reason="gone")))
    told = story(cycle(*open_one), [], LATER)
    table = EventTable(("version",), [(1,)], 1, is_open=True, hash="00")
    path = tmp_path / "page.html"
    for as_of, is_there in ((None, True), ("2025-10-22T18:50:41Z", False)):
        write_page(path, "APT", [(told, table)], as_of=as_of, written_at=LATER)
        text = path.read_text(encoding="utf-8")
        advice = "position-ledger recover --symbol APTUSDT --exchange binance --account &#39;&#39; --live"
        assert (advice in text) is is_there
        assert ('<span class="badge critical">' in text) is is_there
    assert "badge" not in page(tmp_path, *ENTERED, (900, CLOSED)).partition("<main>")[2]


def test_what_it_brought_is_told_once_something_of_it_was_closed(tmp_path: Path) -> None:
    left = on(Reduce, trade_id="t2", last_qty="10", last_px="3")
    assert 'class="answer"' not in page(tmp_path, *ENTERED)
    assert re.search(r'class="answer">\+2\.333 USDT \(.*%\) so far', page(tmp_path, *ENTERED, (9, left)))
    assert re.search(r'class="answer">\+8\.23794 USDT \(\+4\.12 %\)<', page(tmp_path, *ENTERED, (9, CLOSED)))


def test_what_is_not_known_of_a_sum_is_told_beside_it() -> None:
    def sent(**fee: str) -> PositionRow:
        return story(cycle(*ENTERED, (9, on(Close, exit_reason="target", avg_px_close="3.1", **fee))), [], LATER).row

    known, in_coins = sent(), sent(fee="0.1", fee_currency="BNB")
    unpriced = story(cycle(*ENTERED, (9, on(Close, exit_reason="gone"))), [], LATER).row

    def told(*rows: PositionRow) -> str:
        text = part("parts.html", "earned", [Profit.of("USDT", rows)])
        return " ".join(re.sub("<[^>]*>", "", text).split())

    assert told(known, known) == "+16.47588 USDT by 2 cycles that were over"
    assert told(known, in_coins) == "+8.23794 USDT by 1 cycle that was over; the net of 1 more is not known"
    assert told(in_coins) == "+8.23794 USDT before fees by 1 cycle that was over; the net is not known"
    assert told(in_coins, unpriced) == (
        "+8.23794 USDT before fees by 1 cycle that was over, not known of 1 more; the net is not known"
    )
    assert told(unpriced) == "not known of 1 cycle that was over"


def test_a_gain_is_what_is_shown_above_zero_and_nothing_else() -> None:
    def coloured(price: str | None, **fee: str) -> str:
        end = on(Close, exit_reason="gone", **fee, **({} if price is None else {"avg_px_close": price}))
        row = story(cycle(*ENTERED, (9, end)), [], LATER).row
        found = re.search('<p class="([^"]*)">', part("parts.html", "earned", [Profit.of("USDT", [row])]))
        assert found is not None
        return found[1]

    in_coins = {"fee": "0.1", "fee_currency": "BNB"}
    assert [coloured("3.1"), coloured("3.1", **in_coins)] == ["answer gain"] * 2
    assert [coloured("3.3"), coloured("3.3", **in_coins)] == ["answer loss"] * 2
    assert [coloured("3.2333"), coloured(None)] == ["answer"] * 2


def headings(text: str) -> list[str]:
    return [tag for tag in Tags(text).tags if re.fullmatch("h[1-6]", tag)]


def test_the_parts_of_a_cycle_are_headed_below_it_however_many_cycles_there_are(tmp_path: Path) -> None:
    told = story(cycle(*ENTERED, (9, CLOSED)), [], LATER)
    table = EventTable(("version", "cycle", "when (UTC)", "what"), [(1, 1, "now", "x")], 1, is_open=True, hash="00")
    found = []
    for number in (1, 2):
        path = tmp_path / f"{number}.html"
        write_page(path, "APT", [(told, table)] * number, as_of=None, written_at=second(20))
        found.append(headings(path.read_text(encoding="utf-8")))
    parts = len(found[0]) - 1
    assert found == [["h1", *["h2"] * parts], ["h1", *["h2", *["h3"] * parts] * 2]]


def test_every_head_of_a_column_says_so_and_what_scrolls_is_reached_by_keys(tmp_path: Path) -> None:
    text = page(tmp_path, *ENTERED, (9, CLOSED))
    heads = re.findall(r"<th\b[^>]*>", text)
    assert heads and all('scope="col"' in head for head in heads)
    assert re.findall(r'<div class="scrolls"[^>]*>', text) == [
        '<div class="scrolls" tabindex="0" role="region" aria-label="Events of APTUSDT.binance#1">'
    ]
    for template in TEMPLATES.glob("*.html"):
        assert not re.search(r"<th(?![a-z])(?![^>]*scope)", template.read_text(encoding="utf-8")), template.name


def test_a_template_that_is_replaced_while_a_page_is_served_is_not_taken_over(tmp_path: Path) -> None:
    template = tmp_path / "page.html"
    template.write_text("{{ name }}", encoding="utf-8")
    assert filled(template, written_at=LATER, name="APT") == "APT"
    template.write_text("{{ of_a_later_version }}", encoding="utf-8")
    assert filled(template, written_at=LATER, name="APT") == "APT"
