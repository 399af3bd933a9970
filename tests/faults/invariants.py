"""What holds for every run, whatever was done to it."""

from __future__ import annotations

import re
from typing import Optional

from tests.faults.canary import TOKEN, traces
from tests.faults.trial import Trial
from tests.perfdata import parse

CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}

#: Most memory that a run may ever have in use.
MEMORY_LIMIT = 60 * 1000 * 1000

#: Most bytes before the perfdata.
TEXT_LIMIT = 255

_FIRST_LINE = re.compile(r"RODIN_QUEUES (OK|WARNING|CRITICAL|UNKNOWN) - .")


def check_run(trial: Trial, *, lines: Optional[int] = 1, token: str = TOKEN) -> str:
    """Assert what every run keeps to and return its state; *lines* is None with `-v`."""
    outcome = trial.outcome
    assert outcome.stderr == ""
    assert not trial.left, "a process is left"
    assert trial.peak < MEMORY_LIMIT, f"{trial.peak / 1e6:.1f} MB of memory"
    state = check_output(outcome.stdout, lines=lines, token=token)
    assert outcome.code == CODES[state], outcome
    return state


def check_output(stdout: str, *, lines: Optional[int] = 1, token: str = TOKEN) -> str:
    """Assert what every output keeps to and return the state it names."""
    shown = stdout.split("\n")
    assert shown.pop() == "", "the last line has no end"
    assert lines is None or len(shown) == lines, stdout
    assert all(line.isprintable() for line in shown), ascii(stdout)
    assert sum(line.count("|") for line in shown) <= 1, stdout
    assert "internal error" not in stdout, stdout
    assert traces(stdout, token) == [], stdout
    text, _, perfdata = shown[0].partition(" | ")
    assert len(text.encode()) < TEXT_LIMIT, f"{len(text.encode())} bytes: {text}"
    parse(perfdata)
    found = _FIRST_LINE.match(text)
    assert found, text
    return found.group(1)
