"""When a run has to end: at its wall clock, not before, and hardly after."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from typing import Callable, Mapping, Protocol, Sequence, TypeVar

from tests.console import Outcome

#: How late the end may come, in seconds.
GRACE = 0.3

#: A late run is tried again where the machine was busy: its process may not have been scheduled.
ATTEMPTS = 3

#: A nap beside the run, in seconds, and how late the awakening of a machine at rest may be.
_NAP = 0.01
_HICCUP = 0.02

#: More for each processor want to run where the machine is busy, on the average of a minute.
_CROWD = 1


class Timed(Protocol):
    """What knows how many seconds it took."""

    @property
    def seconds(self) -> float:
        """The seconds on the wall clock."""


_T = TypeVar("_T", bound=Timed)


class Rest:
    """Naps again and again beside a run, to learn whether the machine was busy; a context."""

    def __init__(self) -> None:
        self._late = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._nap, daemon=True)

    def __enter__(self) -> Rest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _nap(self) -> None:
        while not self._over.is_set():
            begin = time.monotonic()
            time.sleep(_NAP)
            self._late = max(self._late, time.monotonic() - begin - _NAP)

    @property
    def disturbed(self) -> bool:
        """Whether an awakening was late, or many more wanted to run than there are processors."""
        crowd = os.getloadavg()[0] / len(os.sched_getaffinity(0))
        return self._late > _HICCUP or crowd > _CROWD


def in_time(start: Callable[[], _T], deadline: float, *, earliest: float = 0) -> _T:
    """Run until the end comes in time: late on a quiet machine fails, and too early always does."""
    for attempt in range(ATTEMPTS):
        with Rest() as rest:
            run = start()
        assert run.seconds >= earliest, run
        if run.seconds <= deadline + GRACE:
            break
        assert rest.disturbed, f"late on a quiet machine: {run}"
        assert attempt < ATTEMPTS - 1, f"late {ATTEMPTS} times: {run}"
    return run


def stopwatch(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
) -> Outcome:
    """Run *command* with these streams and measure it; what goes elsewhere than a pipe is lost."""
    begin = time.monotonic()
    done = subprocess.run(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=env,
        timeout=60,
        check=False,
    )
    seconds = time.monotonic() - begin
    return Outcome(done.returncode, (done.stdout or b"").decode(), done.stderr.decode(), seconds)
