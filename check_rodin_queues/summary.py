"""The status text: `WHAT happened, WHERE (value, limit) (condition). NEXT STEP`.

A problem is all findings about one queue, or one other finding. A problem of a queue is a list of
counts, each with its limits behind it. Queues whose lists differ only in the values share a
sentence. The next step of the worst problem stands at the end.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from check_rodin_queues.conditions import STALLED, STRANDED
from check_rodin_queues.errors import SEVERITY
from check_rodin_queues.messages import FACTS, NO_WORK, count, fact_words, metric_step, tag
from check_rodin_queues.metrics import decimal
from check_rodin_queues.response import FIELDS
from check_rodin_queues.verdict import Finding, by_queue

#: Bytes that the status line has after `RODIN_QUEUES CRITICAL - `.
_ROOM = 230
#: More names than this never fit.
_MAX_NAMES = 80
Problem = Sequence[Finding]


def describe(findings: Sequence[Finding], place: str) -> Tuple[Tuple[str, ...], str]:
    """Return a phrase for each kind of problem, worst first, and the next step for the worst.

    An OK has one phrase, its summary. *place* is where the token came from.
    """
    bad = sorted((one for one in findings if one.state), key=lambda one: -SEVERITY[one.state])
    if not bad:
        return (_summary(findings),), ""
    by_kind: Dict[object, List[Problem]] = {}
    for problem in by_queue(bad):
        by_kind.setdefault(_kind(problem), []).append(problem)
    groups = list(by_kind.values())
    selected = len({finding.queue for finding in findings if finding.queue})
    next_step = _next_step(groups, selected, place)
    room = _ROOM - len(f". {next_step}".encode()) - (len("; and 9999 more") if groups[1:] else 0)
    phrases = []
    for group in groups:
        phrases.append(_phrase(group, selected, room))
        room -= len(f"; {phrases[-1]}".encode())
    return tuple(phrases), next_step


def _summary(findings: Sequence[Finding]) -> str:
    """Return the text of an OK: counts, or the condition that --state made OK."""
    for finding in findings:
        if finding.cause:
            return f"{finding.cause} ({finding.name})"
    queues = {finding.queue for finding in findings if finding.queue}
    consumers, waiting, running = (
        sum(getattr(queue, field) for queue in queues) for field in FIELDS
    )
    return (
        f"{count(len(queues), 'queue')}, {count(consumers, 'consumer')}, "
        f"{count(waiting, 'job')} waiting, {count(running, 'job')} running"
    )


def _facts(problem: Problem) -> Dict[str, Tuple[float, List[Finding]]]:
    """Return the counts to name: each with its value and the findings in parentheses behind it."""
    facts: Dict[str, Tuple[float, List[Finding]]] = {}
    for finding in sorted(problem, key=lambda one: one.is_metric):
        explained = STRANDED if finding.value == float("inf") else finding.name
        names = FACTS.get(explained, (finding.name,))
        for name in names:  # a field of the queue, or the metric itself
            facts.setdefault(name, (getattr(finding.queue, name, finding.value), []))
        facts[names[-1]][1].insert(0, finding)
    return facts


def _is_dead(problem: Problem) -> bool:
    queue = problem[0].queue
    return queue is not None and queue.consumers == 0 and "consumers" in _facts(problem)


def _kind(problem: Problem) -> Tuple[object, ...]:
    """Return what is equal for problems that share a sentence."""
    first = problem[0]
    if not first.queue:
        return first.state, first.shared or first.label
    facts = _facts(problem)
    if _is_dead(problem):
        facts.pop("job_awaiting", None)  # with jobs waiting or without, it is one problem
    parts = ((name, not value, *map(tag, behind)) for name, (value, behind) in facts.items())
    return first.state, *parts


def _phrase(group: Sequence[Problem], selected: int, room: int) -> str:
    """Return the text of one problem, or of several that share a sentence of *room* bytes."""
    first, number = group[0][0], len(group)
    if first.queue:
        text = _joined_facts(group)
        if number == 1:
            return f"{first.display}: {text}"
        text = f"{number} of {selected} queues have {text}"
    elif first.is_metric:
        return fact_words(first.name, first.value, [first])
    elif number == 1:
        return f"{first.cause} ({first.name})"
    else:
        text = f"{first.shared.format(number)} ({first.name})"
    return f"{text}: {_listed(group, room - len(text.encode()))}"


def _joined_facts(group: Sequence[Problem]) -> str:
    """Return the counts of a queue, or of several: their sums, or that each breaches a limit."""
    sums: Dict[str, float] = {}
    findings: Dict[str, List[Finding]] = {}
    for problem in group:
        for fact, (value, behind) in _facts(problem).items():
            sums[fact] = sums.get(fact, 0) + value
            findings.setdefault(fact, []).extend(behind)
    words = []
    for fact, behind in findings.items():
        limits = sum(finding.is_metric for finding in behind)
        is_shared = len(group) > 1 and limits == len(group) and sums[fact]
        words.append(fact_words(fact, None if is_shared else sums[fact], behind))
    return ", ".join(words)


def _listed(group: Sequence[Problem], room: int) -> str:
    """Return the names that fit into *room* bytes, at least one, and count the others."""
    items = [_item(problem) for problem in group[:_MAX_NAMES]]
    for shown in range(len(items), 0, -1):
        more = f" and {len(group) - shown} more" if shown < len(group) else ""
        text = ", ".join(items[:shown]) + more
        if len(text.encode()) <= room:
            break
    return text


def _item(problem: Problem) -> str:
    """Return the queue's name, with its jobs waiting and the values that have a limit."""
    values = " and ".join(
        decimal(value)
        for fact, (value, behind) in _facts(problem).items()
        if value and (behind or fact == "job_awaiting")
    )
    return f"{problem[0].display} {values}" if values else problem[0].display


def _next_step(groups: Sequence[Sequence[Problem]], selected: int, place: str) -> str:
    worst, first = groups[0], groups[0][0][0]
    if not _is_dead(worst[0]):
        if any(finding.name == STALLED for finding in worst[0]):
            return NO_WORK
        return metric_step(first, place) if first.is_metric else first.next_step
    if len(worst) == 1:
        return f"Start {'its workers' if len(groups) == 1 else f'the workers of {first.display}'}"
    if len(worst) < selected:
        return "Start their workers"
    return "Start their workers; if all stopped at once, check the broker and the network"
