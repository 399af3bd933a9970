"""The status text: `WHAT happened, WHERE (value, limit) (condition). NEXT STEP`.

All findings about one queue become one phrase with each fact once. Queues with the same problem
share a sentence. The next step of the worst problem stands at the end.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Dict, List, NamedTuple, Sequence, Tuple

from check_rodin_queues.conditions import MISSING, STALLED, STRANDED
from check_rodin_queues.errors import SEVERITY, State
from check_rodin_queues.messages import (
    NO_WORK,
    WORDS,
    count,
    expiry,
    fact_words,
    is_high,
    metric_step,
    tag,
)
from check_rodin_queues.metrics import TOKEN_EXPIRES_IN, TOTAL, decimal
from check_rodin_queues.response import FIELDS, Queue
from check_rodin_queues.verdict import Finding, by_queue

#: Bytes that the status line has after `RODIN_QUEUES CRITICAL - `.
_ROOM = 230


class _Problem(NamedTuple):
    """The problems of one queue, or one other problem.

    *key* is equal for problems that can share a sentence. *shared* is that sentence with {number}
    and {selected} queues; the *items* of all follow: the queue's name with the value that differs.
    *waiting* is for a queue without consumers: its jobs, and what is wrong with them.
    """

    text: str
    next_step: str
    key: str = ""
    shared: str = ""
    item: str = ""
    waiting: Tuple[int, Sequence[str]] = (0, ())


def describe(findings: Sequence[Finding], place: str) -> Tuple[Tuple[str, ...], str]:
    """Return a phrase for each problem, worst first, and the next step for the worst.

    An OK has one phrase, its summary. *place* is where the token came from.
    """
    bad = sorted(
        (finding for finding in findings if finding.state is not State.OK),
        key=lambda finding: -SEVERITY[finding.state],
    )
    if not bad:
        return (_summary(findings),), ""
    selected = len({finding.display for finding in findings if finding.queue})
    groups = _grouped(_without_repetition(bad), place)
    next_step = _next_step(groups, selected)
    room = _ROOM - len(f". {next_step}".encode()) - (len("; and 9999 more") if groups[1:] else 0)
    phrases = []
    for group in groups:
        phrases.append(_sentence(group, selected, room))
        room -= len(f"; {phrases[-1]}".encode())
    return tuple(phrases), next_step


def _without_repetition(bad: Sequence[Finding]) -> Sequence[Finding]:
    """Join the expiry of the token and an error that states it already."""
    token = next((one for one in bad if one.name == TOKEN_EXPIRES_IN.name), None)
    error = next((one for one in bad if token and expiry(token.value) in one.cause), None)
    if not token or not error:
        return bad
    return [error._replace(cause=f"{error.cause} ({tag(token)})")]  # no queue beside an error


def _summary(findings: Sequence[Finding]) -> str:
    """Return the text of an OK: counts, or the condition that --state made OK."""
    for finding in findings:
        if finding.cause:
            return f"{finding.cause} ({finding.name})"
    queues = {finding.display: finding.queue for finding in findings if finding.queue}.values()
    consumers, waiting, running = (
        sum(getattr(queue, field) for queue in queues if queue) for field in FIELDS
    )
    return (
        f"{count(len(queues), 'queue')}, {count(consumers, 'consumer')}, "
        f"{count(waiting, 'job')} waiting, {count(running, 'job')} running"
    )


def _grouped(bad: Sequence[Finding], place: str) -> List[List[_Problem]]:
    """Return the problems, those that can share a sentence together, the worst first."""
    merged: Dict[str, List[_Problem]] = {}
    for number, group in enumerate(by_queue(bad)):
        queue = group[0].queue
        problem = _queue_problem(group, queue) if queue else _other_problem(group[0], place)
        merged.setdefault(problem.key or f"\0{number}", []).append(problem)
    return list(merged.values())


def _sentence(group: Sequence[_Problem], selected: int, room: int) -> str:
    """Return the text of one problem, or of several that share a sentence of *room* bytes."""
    first = group[0]
    if len(group) == 1:
        return first.text
    text = first.shared.format(number=len(group), selected=selected)
    waiting = sum(problem.waiting[0] for problem in group)
    if waiting:
        tags = [tag for problem in group for tag in problem.waiting[1]]
        text += f", {fact_words('job_awaiting', waiting, tags)}"
    return f"{text}: {_listed([one.item for one in group], room - len(text.encode()))}"


def _listed(items: Sequence[str], room: int) -> str:
    """Join the *items* that fit into *room* bytes, at least one, and count the others."""
    sizes = list(accumulate(len(f", {item}".encode()) for item in items))
    shown = len(items)
    if sizes[-1] > room:
        room -= len(f" and {shown} more")
        shown = max(sum(size <= room for size in sizes), 1)
    more = f" and {len(items) - shown} more" if shown < len(items) else ""
    return ", ".join(items[:shown]) + more


def _next_step(groups: Sequence[Sequence[_Problem]], selected: int) -> str:
    group, step = groups[0], groups[0][0].next_step
    if len(group) == 1 < len(groups) and step == "Start its workers":
        return f"Start the workers of {group[0].text.partition(':')[0]}"
    if len(group) > 1 and step == "Start its workers":
        step = "Start their workers"
        if len(group) == selected:
            step += "; if all stopped at once, check the broker and the network"
    return step


def _queue_problem(findings: Sequence[Finding], queue: Queue) -> _Problem:
    """Join all findings about one queue; each count is named once, with its limits behind it."""
    name, tags = findings[0].display, _tags(findings, queue)
    values = {**queue._asdict(), **{one.name: one.value for one in findings if one.is_metric}}
    stalled = "job_running" in tags and "consumers" in tags
    facts = [fact_words(fact, values[fact], tags[fact], stalled=stalled) for fact in tags]
    text, step = f"{name}: {', '.join(facts)}", _queue_step(findings, queue)
    first, *others = tags
    item = f"{name} {decimal(values[first])}" if values[first] else name
    waiting: Tuple[int, Sequence[str]] = (0, ())
    if facts[0].startswith("no consumers") and others in ([], ["job_awaiting"]):
        waiting = queue.job_awaiting, tags.get("job_awaiting", ())
        item = f"{name} {waiting[0]}" if waiting[0] else name
        facts = facts[:1]
    elif any(values[fact] and tags[fact] for fact in others):
        return _Problem(text, step)  # two values differ from queue to queue
    elif values[first]:
        amount = f"too {'many' if is_high(findings[0]) else 'few'} " if len(tags) == 1 else ""
        nouns = [
            fact_words(fact, None, tags[fact], stalled=stalled) for fact in tags if values[fact]
        ]
        facts = [amount + nouns[0], *nouns[1:], *(facts[len(nouns) :])]
    shared = f"{{number}} of {{selected}} queues have {', '.join(facts)}"
    return _Problem(text, step, f"{findings[0].state} {shared}", shared, item, waiting)


def _tags(findings: Sequence[Finding], queue: Queue) -> Dict[str, List[str]]:
    """Return the counts to name, in their order, each with the limits and conditions behind it."""
    tags: Dict[str, List[str]] = {}
    for finding in sorted(findings, key=lambda one: not one.is_metric):
        facts = _facts_of(finding, queue)
        for fact in facts:
            tags.setdefault(fact, [])
        tags[facts[-1]].append(tag(finding))
    first = "job_awaiting" if queue.consumers else "consumers"
    return {fact: tags[fact] for fact in (first, *FIELDS, *tags) if fact in tags}


def _facts_of(finding: Finding, queue: Queue) -> Tuple[str, ...]:
    """Return the counts that *finding* is about; its limit or name stands behind the last."""
    if finding.name == STRANDED:
        return "consumers", "job_awaiting"
    if finding.name == STALLED:
        return "job_awaiting", "consumers", "job_running"
    if finding.value == float("inf"):
        return "consumers", "job_awaiting"
    if finding.name == "consumers" and not queue.consumers and queue.job_awaiting:
        return "job_awaiting", "consumers"
    return (finding.name,)


def _queue_step(group: Sequence[Finding], queue: Queue) -> str:
    names = {finding.name for finding in group}
    if not queue.consumers and (
        names & {"consumers", STRANDED} or any(one.value == float("inf") for one in group)
    ):
        return "Start its workers"
    return NO_WORK if STALLED in names else metric_step(group[0])


def _other_problem(finding: Finding, place: str) -> _Problem:
    if finding.is_metric:
        number = decimal(round(finding.value, 3))
        value = expiry(finding.value) if finding.name == TOKEN_EXPIRES_IN.name else number
        text = WORDS[finding.name][0].format(value)
        if finding.display == TOTAL:
            text += " in all queues"
        return _Problem(f"{text} ({tag(finding)})", metric_step(finding, place))
    text = f"{finding.cause} ({finding.name})"
    if not finding.display:
        return _Problem(text, finding.next_step)
    if finding.name == MISSING:
        what = finding.cause.partition(f"queue {finding.display}")[2].replace(" is not", " are not")
        shared = f"{{number}} queues{what} ({MISSING})"
    else:
        reason = finding.cause.partition(f"{finding.display}: ")[2]
        shared = f"{reason} ({finding.name}) in {{number}} queues"
    key = f"{finding.state} {shared}"
    return _Problem(text, finding.next_step, key, shared, finding.display)
