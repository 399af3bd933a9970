"""Runs of the whole program within the test's own process: a hundred times faster than the script.

Everything is real but the end of the process: the clock stands still, and nobody is killed.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from unittest import mock

import requests  # noqa: F401  # else the check would load it without TLS, for all of this process

from check_rodin_queues import cli
from check_rodin_queues.lifetime import Lifetime
from check_rodin_queues.output import Report
from tests.console import Outcome, environment

#: The time of every run, in seconds since 1970.
NOW = 1_800_000_000


class Standstill(Lifetime):
    """A lifetime without a deadline, of which so many *seconds* have passed."""

    def __init__(self, seconds: float) -> None:
        """Begin at no time."""
        super().__init__(0.0, Report(b"untold\n", 3))
        self._seconds = seconds

    def guard(self, timeout: float) -> None:
        """Watch nothing."""

    def loaded(self) -> None:
        """Let the kernel end nobody."""

    def elapsed(self) -> float:
        """Return the same at each time."""
        return self._seconds


def rehearse(*words: str, seconds: float = 0.0) -> Outcome:
    """Return what the program leaves when it is called with *words* and an empty environment."""
    with (
        mock.patch.dict(os.environ, environment(), clear=True),
        mock.patch.object(cli, "time", SimpleNamespace(time=lambda: float(NOW))),
    ):
        report = cli.Run(words, {}, Standstill(seconds)).report()
        written = b"".join((report.output, *report.more))
    return Outcome(report.code, written.decode(), "", 0.0)
