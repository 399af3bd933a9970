"""When a run has to end: at its wall clock, not before, and hardly after."""

from __future__ import annotations

from typing import Callable

from tests.faults.trial import Trial

#: How late the end may come, in seconds.
GRACE = 0.3

#: A late run is tried again: on a busy machine a process may simply not have been scheduled.
ATTEMPTS = 3


def in_time(start: Callable[[], Trial], deadline: float, *, earliest: float = 0) -> Trial:
    """Run until the end comes in time; too often too late is a failure, too early always is."""
    for _ in range(ATTEMPTS):
        trial = start()
        assert trial.outcome.seconds >= earliest, trial
        if trial.outcome.seconds <= deadline + GRACE:
            return trial
    raise AssertionError(f"late {ATTEMPTS} times: {trial}")
