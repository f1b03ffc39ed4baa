"""A real browser: what it shows of a page, its measurements, and its network requests."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VARIABLE = "LEDGER_TEST_CHROMIUM"
SECONDS_MAX = 60
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
Color = tuple[int, int, int]


def chromium() -> str:
    """The browser that is named, or the one that is installed; without any the test fails, it is never left out."""
    named = os.environ.get(VARIABLE) or shutil.which("chromium")
    assert named, f"no browser: `make browser` installs Debian's chromium, or name one in {VARIABLE}"
    return named


def run(page: Path, *flags: str) -> str:
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        words = [chromium(), *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
        ran = subprocess.run(words, capture_output=True, timeout=SECONDS_MAX, check=True)
    return ran.stdout.decode("utf-8")


class Picture:
    """The pixels of a PNG of eight bits, with or without transparency."""

    def __init__(self, png: bytes) -> None:
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        parts = list(_parts(png))
        self.width, self.height, depth, kind = struct.unpack(">IIBB", parts[0][1][:10])
        assert depth == 8 and kind in (2, 6)
        packed = b"".join(data for name, data in parts if name == b"IDAT")
        self.rows = list(_unfiltered(zlib.decompress(packed), self.width, 3 if kind == 2 else 4))

    def colors(self) -> Counter[Color]:
        return Counter(pixel for row in self.rows for pixel in row)


def _parts(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def _unfiltered(raw: bytes, width: int, channels: int) -> Iterator[list[Color]]:
    stride = width * channels
    before = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + stride])
        if kind == 2:
            line = bytearray((a + b) & 255 for a, b in zip(line, before, strict=True))
        elif kind:
            _undo(kind, line, before, channels)
        yield [(line[x], line[x + 1], line[x + 2]) for x in range(0, stride, channels)]
        before = line


def _undo(kind: int, line: bytearray, before: bytearray, channels: int) -> None:
    for at in range(len(line)):
        left = line[at - channels] if at >= channels else 0
        corner = before[at - channels] if at >= channels else 0
        above = before[at]
        if kind == 1:
            guess = left
        elif kind == 3:
            guess = (left + above) // 2
        else:
            nearest = left + above - corner
            guess = min((left, above, corner), key=lambda each: abs(nearest - each))
        line[at] = (line[at] + guess) & 255


def picture(page: Path, width: int, height: int, *, is_dark: bool = False) -> Picture:
    """What the browser shows of a page."""
    scheme = "--blink-settings=preferredColorScheme=0" if is_dark else "--blink-settings=preferredColorScheme=1"
    shot = page.with_suffix(".png")
    run(page, f"--window-size={width},{height}", scheme, f"--screenshot={shot}")
    return Picture(shot.read_bytes())


_MEASURE = """
<script>
const said = {page: document.documentElement.scrollWidth, outside: [], covered: [], labels: 0, smallest: 99};
for (const svg of document.querySelectorAll("svg.drawing")) {
  if (getComputedStyle(svg).display === "none") continue;
  const boxes = [...svg.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect()]);
  said.labels += boxes.length;
  boxes.forEach(([text, box], at) => {
    said.smallest = Math.min(said.smallest, box.height);
    if (box.left < 0 || box.right > innerWidth) said.outside.push(text);
    for (const [other, there] of boxes.slice(at + 1))
      if (box.left < there.right && there.left < box.right && box.top + 3 < there.bottom && there.top + 3 < box.bottom)
        said.covered.push(text + " / " + other);
  });
}
for (const part of document.querySelectorAll("h1, h2, h3, p, dd, dt, li, td, summary")) {
  const box = part.getBoundingClientRect();
  if (box.width && box.right > innerWidth + 1 && !part.closest(".scrolls")) said.outside.push(part.textContent);
}
parent.document.body.dataset["at" + frameElement.id] = JSON.stringify(said);
</script>
"""


def measured(page: Path, widths: Sequence[int]) -> list[dict[str, Any]]:
    """How a page is laid out at some widths: its own, labels that cover each other, and words that stick out."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    inner = html.escape(text.replace("</body>", f"{_MEASURE}</body>"))
    frames = [
        f'<iframe id="{at}" style="width:{width}px;height:900px;border:0" srcdoc="{inner}"></iframe>'
        for at, width in enumerate(widths)
    ]
    frame = page.with_name(f"frames-{page.name}")
    frame.write_text(f"<!doctype html><body>{''.join(frames)}</body>", encoding="utf-8")
    dom = run(frame, "--window-size=1400,900", "--dump-dom")
    return [json.loads(html.unescape(_said(dom, at))) for at in range(len(widths))]


def _said(dom: str, at: int) -> str:
    found = re.search(rf'data-at{at}="([^"]*)"', dom)
    assert found, "the page was measured"
    return found[1]


_ITS_OWN = re.compile(r"https?://([\w-]+\.)*(google|googleapis|gvt1)\.com/")


def asked_for(page: Path) -> set[str]:
    """Every address that a page made the browser ask for; what the browser wants for itself is left out."""
    log = page.with_suffix(".netlog")
    run(page, f"--log-net-log={log}", "--window-size=800,600", f"--screenshot={page.with_suffix('.png')}")
    asked = set(re.findall(r'"url":"(https?:[^"]+)"', log.read_text(encoding="utf-8")))
    return {url for url in asked if not _ITS_OWN.match(url)}
