"""The status text: every problem, worst first, or a sum when all is well.

nagiosplugin asks the Summary for it. The lines beneath are the business of `details`.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence

import nagiosplugin

from check_rodin_queues.findings import Finding, Findings
from check_rodin_queues.labels import clipped
from check_rodin_queues.metrics import counted
from check_rodin_queues.phrases import advice, fact, problems
from check_rodin_queues.resources import AnswerResource
from check_rodin_queues.snapshot import FIELDS
from check_rodin_queues.states import State, worst

#: What `RODIN_QUEUES CRITICAL - ` leaves of the 254 bytes before the perfdata.
MAX_TEXT = 230


class Summary(nagiosplugin.Summary):
    """Writes the status text of its *results*, which are what nagiosplugin gives as well."""

    def __init__(self, results: Findings) -> None:
        self._results = results

    def ok(self, _results: nagiosplugin.Results) -> str:
        """Sum up the queues; tell what is wrong with the answer if --state made that OK."""
        found = self._results.found
        for finding in found:
            if isinstance(finding.subject, AnswerResource):
                return fitted([fact(finding)], 1, "")
        queues = [group[0].subject.queue for group in by_subject(found)]
        consumers, waiting, running = (
            sum(getattr(queue, field) for queue in queues if queue) for field in FIELDS
        )
        number = sum(queue is not None for queue in queues)
        return ", ".join(
            (
                counted(number, "queue"),
                counted(consumers, "consumer"),
                counted(waiting, "job waiting", "jobs waiting"),
                counted(running, "job running", "jobs running"),
            )
        )

    def problem(self, _results: nagiosplugin.Results) -> str:
        """Name every problem, worst first, and what to do about the worst."""
        bad = [finding for finding in self._results.found if finding.state is not State.OK]
        groups = by_subject(sorted(bad, key=lambda finding: -finding.state.severity))
        return fitted(map(problems, groups), len(groups), advice(groups[0][0]))


def by_subject(found: Sequence[Finding]) -> List[List[Finding]]:
    """Group *found* by queue; the worst group comes first, else the order is kept.

    What is not about a queue stands alone: one sentence can be worse than the next.
    """
    groups: Dict[int, List[Finding]] = {}
    for finding in found:
        key = id(finding.subject if finding.subject.queue else finding)
        groups.setdefault(key, []).append(finding)
    return sorted(groups.values(), key=lambda group: -worst(one.state for one in group).severity)


def fitted(phrases: Iterable[str], number: int, then: str) -> str:
    """Join the first of *phrases* and as many of the others as fit into MAX_TEXT bytes.

    The rest, of *number* in all, is counted and not made: of 5,000 queues it is megabytes. *then*
    goes before all but the first, if it fits behind that.
    """
    each = iter(phrases)
    left, tail = number - 1, f". {then}" if then else ""
    text = clipped(next(each), MAX_TEXT - len(_more(left)))
    if _size(text + _more(left) + tail) > MAX_TEXT:
        tail = ""
    for phrase in each:
        longer = f"{text}, {phrase}"
        if _size(longer + _more(left - 1) + tail) > MAX_TEXT:
            break
        text, left = longer, left - 1
    return text + _more(left) + tail


def _more(left: int) -> str:
    return f" and {left} more" if left else ""


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
