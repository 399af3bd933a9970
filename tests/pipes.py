"""Pipes that nobody reads, for a program to write to."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator, Tuple


@contextlib.contextmanager
def full_pipe() -> Iterator[Tuple[int, int]]:
    """Give a pipe that is full and never read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x")
    os.set_blocking(writing, True)
    yield reading, writing
    os.close(reading)
    os.close(writing)
