"""What of the live page is renewed: each part as HTML, by its id in the page. Ages run on in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from markupsafe import Markup

from scripts.html.page import part
from scripts.serving.live_view import LiveView

SHOWN_MAX: Final = 100
"""How many open positions stand on the page, the worst first; a page of their own has all."""


def link(position_id: str) -> str:
    """Where the page of a cycle is."""
    return f"/history/{quote(position_id)}"


def parts_of(view: LiveView) -> Mapping[str, Markup]:
    """The parts that follow from a view."""
    return {
        "fresh": part("live_parts.html", "fresh", view),
        "status": part("live_parts.html", "status", view, link),
        "positions": part("live_parts.html", "positions", view, link, SHOWN_MAX),
        "recent": part("live_parts.html", "recent", view, link),
    }
