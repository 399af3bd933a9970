"""Runs of the whole program within the test's own process: a hundred times faster than the script.

Everything is real but the end of the process: the clock stands still, and nobody is killed.
"""

from __future__ import annotations

from check_rodin_queues.cli import Run
from check_rodin_queues.lifetime import Lifetime
from tests.console import Outcome


class Standstill(Lifetime):
    """A lifetime without a deadline."""

    def __init__(self) -> None:
        """Begin at no time."""
        super().__init__(0.0)

    def guard(self, timeout: float) -> None:
        """Watch nothing."""

    def elapsed(self) -> float:
        """Return that no time has passed."""
        return 0.0


def rehearse(*words: str) -> Outcome:
    """Return what the program leaves when it is called with *words* and an empty environment."""
    report = Run(words, {}, Standstill()).report()
    return Outcome(report.code, report.output.decode(), "", 0.0)
