"""The four states of a service, their exit codes and which of two is worse.

Exit codes are those of the Monitoring Plugins guidelines. The order is this project's decision:
UNKNOWN must not hide a queue that is known to be dead, so CRITICAL stands above it.
"""

from __future__ import annotations

import enum
from typing import Iterable


class State(enum.IntEnum):
    """A service's state; its value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def severity(self) -> int:
        """The rank among the states: the higher, the worse."""
        return SEVERITY[self]


#: From harmless to worst.
SEVERITY = {State.OK: 0, State.WARNING: 1, State.UNKNOWN: 2, State.CRITICAL: 3}


def worst(states: Iterable[State]) -> State:
    """Return the worst of *states*, OK if there is none."""
    return max(states, key=SEVERITY.__getitem__, default=State.OK)
