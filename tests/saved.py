"""Runs that judge a saved answer: the whole check without a server."""

from __future__ import annotations

from tests import report
from tests.console import Outcome, run
from tests.report import Report


def judge(answer: str, *args: str) -> Report:
    """Return what the check tells of *answer*."""
    return report.read(ask(answer, *args))


def ask(answer: str, *args: str) -> Outcome:
    """Run the check on *answer* and return whatever it left."""
    return run("--input", "-", *args, stdin=answer)
