"""What was judged, as values: the findings and the verdict on all of them."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from check_rodin_queues.conditions import DEFAULT_STATES
from check_rodin_queues.errors import State
from check_rodin_queues.response import Queue
from check_rodin_queues.thresholds import Threshold


class Finding(NamedTuple):
    """A metric or a condition, judged.

    *display* is the queue's name for people, or TOTAL. *limits* are the thresholds of a metric. A
    condition that is not about a queue's counts has *cause* and *next_step*; *shared* is the cause
    for several queues, with {} for their number.
    """

    name: str
    queue: Optional[Queue] = None
    display: str = ""
    value: float = 0
    limits: Tuple[Threshold, ...] = ()
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

    def breach(self) -> Tuple[Threshold, str]:
        """Return the threshold that decided *state*, which is not OK, and the side."""
        decisive = (one for one in self.limits if one.level is self.state)
        threshold = next(decisive)
        return threshold, threshold.limit.side(self.value)


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
