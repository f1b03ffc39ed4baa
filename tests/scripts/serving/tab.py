"""A tab of a real browser, controlled over a pipe: it runs scripts, presses keys, and reports errors."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
from types import TracebackType
from typing import Any, Self

from tests.scripts.html.browser import FLAGS, SECONDS_MAX, chromium

KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), "ArrowLeft": (37, ""), "ArrowRight": (39, "")}


_UNTIL = """
new Promise(done => {
  const until = Date.now() + %(ms)d;
  const look = () => (%(condition)s) ? done(true) : Date.now() > until ? done(false) : setTimeout(look, 20);
  look();
})
"""


class PageReplaced(AssertionError):
    """What was asked was asked of a page that was left meanwhile."""


class Tab:
    """One browser with one tab; `complaints` are errors that the page or the browser logged."""

    def __init__(self, width: int = 1200) -> None:
        self._width = width
        self._number = 0
        self._heard = b""
        self._session: str | None = None
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        said, self._write = os.pipe()
        self._read, answers = os.pipe()
        near = [flag for flag in FLAGS if "resolver" not in flag]
        words = [chromium(), *near, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                 f"--user-data-dir={self._profile}", "--remote-debugging-pipe", "about:blank"]  # fmt: skip
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{said} 4>&{answers}', "bash", *words],
            pass_fds=(said, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(said)
        os.close(answers)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.widen(self._width)
        self.color("light")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._write)
        self._process.terminate()
        try:
            self._process.wait(SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers to one method."""
        self._number += 1
        session = {} if self._session is None else {"sessionId": self._session}
        message = {"id": self._number, "method": method, "params": params, **session}
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        if "navigated" in answer.get("error", {}).get("message", ""):
            raise PageReplaced(answer)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            ready, _, _ = select.select([self._read], [], [], 2 * SECONDS_MAX)
            assert ready, "the browser does not answer"
            more = os.read(self._read, 65_536)
            assert more, "the browser is gone"
            self._heard += more
        said, _, self._heard = self._heard.partition(b"\0")
        message: dict[str, Any] = json.loads(said)
        match message.get("method"):
            case "Log.entryAdded" if message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(message["params"]["exceptionDetails"]["text"])
        return message

    def widen(self, width: int) -> None:
        """Give it another width, as if it were another screen."""
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **screen)

    def color(self, scheme: str) -> None:
        """Prefer light or dark colors."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        """Go to a page, until it is loaded."""
        self.ask("Page.navigate", url=url)
        self.until(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    def until(self, condition: str) -> None:
        """Wait until something is so in the page, or in the one that takes its place meanwhile.

        A page that cannot be loaded, as when its server hangs up on a browser that was slow to ask, is an error page,
        and the browser loads it again by itself.
        """
        while True:
            try:
                assert self.run(_UNTIL % {"condition": condition, "ms": SECONDS_MAX * 1000}) is True, condition
            except PageReplaced:
                continue
            return

    def press(self, key: str) -> None:
        """Press a key once."""
        code, text = KEYS[key]
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=text)
