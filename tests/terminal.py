"""A shell in a terminal of its own, to type into as a person does."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Iterator, Mapping, Sequence


class Terminal:
    """What a person has before them: keys to press and a screen to read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._screen = b""

    def type(self, keys: str) -> None:
        """Press *keys*."""
        os.write(self._descriptor, keys.encode())

    def wait_for(self, text: str, within: float = 30) -> str:
        """Return all that was shown once *text* is; fail if it is not *within* seconds."""
        end = time.monotonic() + within
        while text.encode() not in self._screen:
            left = end - time.monotonic()
            ready, _, _ = select.select([self._descriptor], [], [], max(left, 0))
            assert ready, f"no {text!r} within {within} s in: {self._screen!r}"
            self._screen += os.read(self._descriptor, 4096)
        return self._screen.decode("utf-8", "replace")


@contextlib.contextmanager
def terminal(command: Sequence[str], env: Mapping[str, str], folder: Path) -> Iterator[Terminal]:
    """Run *command* in a new terminal; hang up when the block ends."""
    keyboard, line = os.openpty()
    try:
        with subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command],
            stdin=line,
            stdout=line,
            stderr=line,
            env=dict(env),
            cwd=folder,
        ) as process:
            os.close(line)
            try:
                yield Terminal(keyboard)
            finally:
                process.kill()
    finally:
        os.close(keyboard)
