"""The parts of the live page that are renewed, as HTML by their ids; the browser itself counts ages up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from projections.audit.ledger_report import HourBar
from projections.metrics.earnings import EarnedSum, Earnings, weeks
from scripts.html import bar_chart, curve_chart
from scripts.html.page import part
from scripts.html.shapes import Figure
from scripts.serving.live_view import LiveView
from scripts.serving.recent_results import DAYS, REFUSED_HOURS, RecentResults

SHOWN_MAX: Final = 100
"""How many open positions the page shows, the worst first; another page has all of them."""


def link(position_id: str) -> str:
    """The path of the page of a cycle."""
    return f"/history/{quote(position_id)}"


def parts_of(view: LiveView) -> Mapping[str, Markup]:
    """The parts that show a view."""
    return {
        "fresh": part("live_parts.html", "fresh", view),
        "status": part("live_parts.html", "status", view, link),
        "positions": part("live_parts.html", "positions", view, link, SHOWN_MAX),
        "recent": part("live_parts.html", "recent", view, link),
    }


class _Section(NamedTuple):
    """The earnings in one currency."""

    earnings: Earnings
    sums: Sequence[tuple[str, EarnedSum]]
    figure: Figure
    weeks: Sequence[Sequence[tuple[date, EarnedSum] | None]]


def parts_of_results(lately: RecentResults | None) -> Mapping[str, Markup]:
    """The parts that show recent results; they are empty while `lately` is None, before the first reading."""
    sections = [_section(each) for each in lately.earnings] if lately else []
    drawn = _refused(lately.refused) if lately else None
    return {
        "glance": part("live_parts.html", "glance", lately, sections),
        "earned": part("live_parts.html", "earned", lately, sections, link),
        "refused": part("live_parts.html", "refused", lately, drawn),
    }


def _section(earnings: Earnings) -> _Section:
    window = earnings.window
    caption = f"Net of the last {DAYS} days, cycle by cycle as they ended"
    figure = Figure.drawn(
        caption, partial(curve_chart.draw, earnings.curve(), window.until, earnings.currency, caption)
    )
    return _Section(earnings, _sums(earnings, window.until), figure, weeks(earnings.days()))


def _sums(earnings: Earnings, until: datetime) -> list[tuple[str, EarnedSum]]:
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        ("Today", earnings.since(midnight)),
        ("Last 7 days", earnings.since(midnight - timedelta(days=6))),
        (f"Last {DAYS} days", earnings.since(earnings.window.since)),
    ]


def _refused(bars: Sequence[HourBar]) -> Figure | None:
    if not any(bar.count for bar in bars):
        return None
    caption = f"By the hour, in the last {REFUSED_HOURS} hours"
    return Figure.drawn(caption, partial(bar_chart.draw, bars, caption))
