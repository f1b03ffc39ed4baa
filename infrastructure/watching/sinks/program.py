"""A program of the operator: it is started for each batch, without a shell, and reads it as JSON from its stdin."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
from dataclasses import dataclass
from typing import Final

from infrastructure.watching.sinks.sink import DeliveryFailed, NoticeBatch
from infrastructure.watching.sinks.telegram import TOKEN_VARIABLE
from infrastructure.watching.sinks.webhook import SECRET_VARIABLE, URL_VARIABLE

SECONDS_MAX: Final = 20.0
_NOT_FOR_OTHERS: Final = frozenset({SECRET_VARIABLE, URL_VARIABLE, TOKEN_VARIABLE})


@dataclass(frozen=True)
class ProgramSink:
    """A program and its arguments; it has taken a batch when it ends with 0 in time."""

    words: tuple[str, ...]
    seconds: float = SECONDS_MAX
    name: str = "exec"
    notices_max: int = 50

    @classmethod
    def read(cls, command: str) -> ProgramSink:
        """Split a command line as a shell does. Refuses: ValueError, also for a program that cannot be run here."""
        words = tuple(shlex.split(command))
        if not words:
            raise ValueError("it names no program")
        if shutil.which(words[0]) is None:
            raise ValueError(f"{words[0]!r:.200} is no program that can be run here; name it with its whole path")
        return cls(words)

    def send(self, batch: NoticeBatch) -> None:
        """Run the program; after `seconds` it is killed with all processes that it started. Refuses: DeliveryFailed."""
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_OTHERS}
        body = json.dumps(batch.as_json(), ensure_ascii=False).encode() + b"\n"
        program = self.words[0]
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator named it, and no shell reads its words
                self.words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        except OSError as error:
            raise DeliveryFailed(f"{program}: {type(error).__name__}: {error.strerror}") from None
        try:
            process.communicate(body, timeout=self.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise DeliveryFailed(f"{program}: not done in {self.seconds:g} s, and ended") from None
        if process.returncode:
            raise DeliveryFailed(f"{program}: ended with {process.returncode}")
