"""What was judged, as values: the findings and the verdict on all of them."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from check_rodin_queues.conditions import DEFAULT_STATES
from check_rodin_queues.errors import State
from check_rodin_queues.response import Queue
from check_rodin_queues.thresholds import NO_LIMITS, Limits, Range, Threshold


class Finding(NamedTuple):
    """A metric or a condition, judged.

    *name* is that of the metric or condition. *display* is the queue's name for people, or TOTAL.
    *limits* are empty for a condition, which has *cause* and *next_step* if it is not about a
    queue's counts. *shared* is the cause for several queues, with {} for their number.
    """

    name: str
    queue: Optional[Queue] = None
    display: str = ""
    value: float = 0
    limits: Limits = NO_LIMITS
    cause: str = ""
    shared: str = ""
    next_step: str = ""
    state: State = State.OK

    @property
    def is_metric(self) -> bool:
        """Whether it is a judged metric, not a condition."""
        return self.name not in DEFAULT_STATES

    @property
    def label(self) -> str:
        """The label that perfdata shows."""
        return f"{self.display}.{self.name}" if self.display else self.name

    def breach(self) -> Tuple[Threshold, Range, str]:
        """Return the threshold, the range and the side that decided *state*, which is not OK."""
        decisive = (pair for pair in self.limits.ranges if pair[0].level is self.state)
        threshold, limit = next(decisive)
        return threshold, limit, limit.side(self.value)


def by_queue(findings: Sequence[Finding]) -> List[List[Finding]]:
    """Return the findings about one queue together, and every other finding alone, in order."""
    groups: Dict[str, List[Finding]] = {}
    for number, finding in enumerate(findings):
        groups.setdefault(finding.display if finding.queue else f"\0{number}", []).append(finding)
    return list(groups.values())


class Verdict(NamedTuple):
    """What the check found. *proven*: the queue data prove a CRITICAL.

    *problems* are phrases, the worst first; for an OK there is one, the summary. *mistaken*: the
    arguments alone are wrong.
    """

    state: State
    problems: Tuple[str, ...]
    next_step: str = ""
    perfdata: Tuple[str, ...] = ()
    findings: Tuple[Finding, ...] = ()
    proven: bool = False
    mistaken: bool = False
