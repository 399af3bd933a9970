"""The words of verdicts: `WHAT happened, WHERE (value, limit) (condition). NEXT STEP`.

A Finding is one judged metric or one condition. All findings about one queue become one phrase with
each fact once; queues with the same problem share a sentence; the next step of the worst problem
stands at the end. `connection_errors` and the modules that raise an error have their own words.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from check_rodin_queues.conditions import EMPTY, INVALID, MISSING, STALLED, STRANDED
from check_rodin_queues.errors import SEVERITY, State, worst
from check_rodin_queues.metrics import TIME, TOKEN_EXPIRES_IN, TOTAL, Number, decimal
from check_rodin_queues.response import FIELDS, Queue
from check_rodin_queues.selection import BY_DEFAULT, Policy
from check_rodin_queues.thresholds import ABOVE, BELOW, INSIDE, Range
from check_rodin_queues.verdict import Finding

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_IDLE = "Check why so few jobs arrive"
_OVERLOADED = "Add workers, or check why jobs take long"
_NO_WORK = "Check the worker logs: they are not picking up jobs"


#: The words of each metric: its fact with {} for the value, and the next step above and below.
WORDS: Dict[str, Tuple[str, str, str]] = {
    "consumers": ("{} consumers", "", "Start more workers"),
    "job_awaiting": ("{} jobs waiting", _OVERLOADED, _IDLE),
    "job_running": ("{} jobs running", "Check what the workers are doing", _IDLE),
    "awaiting_per_consumer": ("{} jobs waiting per consumer", _OVERLOADED, _IDLE),
    "busy_ratio": ("busy_ratio {}", "Add workers if jobs are waiting", _IDLE),
    TIME.name: (
        "the check took {} s",
        "Check the server's load and the network",
        "Check the threshold",
    ),
    TOKEN_EXPIRES_IN.name: ("the API token {}", "Check the threshold", "Replace it in {place}"),
}


class _Problem(NamedTuple):
    """The problems of one queue, or one other problem.

    *key* is equal for queues that can share a sentence; *shared* is that sentence without the
    *item*, the queue's name with the value that differs.
    """

    state: State
    text: str
    next_step: str
    key: str = ""
    shared: str = ""
    item: str = ""


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
    groups = _grouped(bad, place)
    return tuple(_sentence(group, selected) for group in groups), _next_step(groups[0], selected)


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
    by_queue: Dict[str, List[Finding]] = {}
    for number, finding in enumerate(bad):
        by_queue.setdefault(finding.display if finding.queue else f"\0{number}", []).append(finding)
    problems = [
        _queue_problem(group) if group[0].queue else _other_problem(group[0], place)
        for group in by_queue.values()
    ]
    merged: Dict[str, List[_Problem]] = {}
    for number, problem in enumerate(problems):
        merged.setdefault(problem.key or f"\0{number}", []).append(problem)
    return list(merged.values())


def _sentence(group: Sequence[_Problem], selected: int) -> str:
    first = group[0]
    if len(group) == 1:
        return first.text
    items = ", ".join(problem.item for problem in group)
    if first.shared.startswith("not on the server"):
        return f"{len(group)} queues are {first.shared}: {items}"
    return f"{len(group)} of {selected} queues have {first.shared}: {items}"


def _next_step(group: Sequence[_Problem], selected: int) -> str:
    step = group[0].next_step
    if len(group) > 1 and step == "Start its workers":
        step = "Start their workers"
        if len(group) == selected:
            step += "; if all stopped at once, check the broker and the network"
    return step


def _queue_problem(group: Sequence[Finding]) -> _Problem:
    """Join all findings about one queue; each count is named once, with its limits behind it."""
    queue = group[0].queue
    assert queue is not None  # noqa: S101 — the caller grouped by queue
    tags: Dict[str, List[str]] = {}
    for finding in group:
        for fact in _facts_of(finding, queue):
            tags.setdefault(fact, [])
        tags[_facts_of(finding, queue)[-1]].append(_tag(finding))
    order = ("consumers", *FIELDS[1:]) if not queue.consumers else (*FIELDS[1:2], *FIELDS)
    facts = list(dict.fromkeys(fact for fact in (*order, *tags) if fact in tags))
    values = {finding.name: finding.value for finding in group}
    shown = {fact: _fact(fact, values.get(fact, getattr(queue, fact, 0)), tags) for fact in facts}
    varying = next((fact for fact in facts if getattr(queue, fact, 0)), "")
    item = f"{group[0].display} {decimal(getattr(queue, varying))}" if varying else ""
    generic = {fact: _fact(fact, None, tags) for fact in facts}
    dead = not queue.consumers and "consumers" in tags
    shared = {fact: shown[fact] if not getattr(queue, fact, 1) else generic[fact] for fact in facts}
    key = ", ".join(shared[fact] for fact in (facts[:1] if dead else facts))
    return _Problem(
        worst(finding.state for finding in group),
        f"{group[0].display}: {', '.join(shown.values())}",
        _queue_step(group, queue),
        f"{group[0].state.name} {key}",
        key,
        group[0].display if dead else item or group[0].display,
    )


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


def _fact(name: str, value: Optional[Number], tags: Dict[str, List[str]]) -> str:
    """Return a count with its noun and its limits; without a *value* only the noun."""
    text = WORDS[name][0]
    if value is None:
        text = text.replace("{} ", "").replace(" {}", "")
    elif value == 1 and name in FIELDS:
        text = text.format(1).replace("consumers", "consumer").replace("jobs", "job")
    else:
        text = text.format("no" if name == "consumers" and value == 0 else decimal(value))
    if name == "consumers" and value != 0 and "job_running" in tags:
        text += " connected"
    if name == "job_running" and value == 0:
        text = "0 running"
    if name == "busy_ratio" and value is not None and value >= 1:
        text = f"all consumers busy, {text}"
    return " ".join((text, *(f"({tag})" for tag in dict.fromkeys(tags[name]))))


def _tag(finding: Finding) -> str:
    if not finding.is_metric:
        return finding.name
    _, limit, side = finding.breach()
    level = finding.state.name.lower()
    unit = " per consumer" if finding.value == float("inf") else ""
    return f"{level} {limit_words(finding.name, limit, side)}{unit}" if limit else level


def _queue_step(group: Sequence[Finding], queue: Queue) -> str:
    names = {finding.name for finding in group}
    metrics = [finding for finding in group if finding.is_metric]
    sides = {finding.name: finding.breach()[2] for finding in metrics}
    lacks = sides.get("consumers") == BELOW or names & {STRANDED}
    if not queue.consumers and (lacks or any(one.value == float("inf") for one in metrics)):
        return "Start its workers"
    if STALLED in names:
        return _NO_WORK
    return _metric_step(group[0]) if metrics else ""


def _metric_step(finding: Finding, place: str = "") -> str:
    _, limit, side = finding.breach()
    if limit is None:
        return ""
    if finding.name == "consumers" and side == ABOVE:
        return f"If you meant a minimum, write {finding.name}={decimal(limit.end)}:"
    high = side == ABOVE or (side == INSIDE and limit.start > 0)
    _, above, below = WORDS[finding.name]
    return (above if high else below).format(place=place)


def _other_problem(finding: Finding, place: str) -> _Problem:
    if not finding.is_metric:
        text = f"{finding.cause} ({finding.name})"
        if finding.name == MISSING:
            shared = f"not on the server ({MISSING})"
            key = f"{finding.state.name} {shared} {finding.next_step}"
            return _Problem(finding.state, text, finding.next_step, key, shared, finding.display)
        return _Problem(finding.state, text, finding.next_step)
    fact = WORDS[finding.name][0]
    if finding.name == TOKEN_EXPIRES_IN.name:
        text = fact.format(_expiry(finding.value))
    else:
        text = fact.format(decimal(round(finding.value, 3)))
    if finding.display == TOTAL:
        text += " in all queues"
    return _Problem(finding.state, f"{text} ({_tag(finding)})", _metric_step(finding, place))


def missing_finding(display: str, origin: str) -> Finding:
    """Return the finding for a required queue that is not in the response."""
    next_step = "Check the Rodin deployment; if it was removed on purpose, change --require"
    named = ""
    if origin not in ("--require", BY_DEFAULT):
        named = f", named in {origin},"
        next_step = "Check the spelling; -v lists the queues"
    elif origin == BY_DEFAULT:
        next_step = "Check the Rodin deployment; if it has no such queue, use --require"
    cause = f"queue {display}{named} is not on the server"
    return Finding(State.OK, MISSING, display=display, cause=cause, next_step=next_step)


def malformed_finding(display: str, reason: str) -> Finding:
    """Return the finding for a queue whose data cannot be used."""
    return Finding(
        State.OK,
        INVALID,
        display=display,
        cause=f"{display}: {reason}",
        next_step="Report it to the server's administrator, or exclude it with -x",
    )


def empty_finding(offered: int, policy: Policy) -> Finding:
    """Return the finding for a response of which no queue is selected."""
    given = " and ".join(
        option for option, globs in (("-q", policy.queues), ("-x", policy.exclude)) if globs
    )
    if not offered or not given:
        cause, next_step = (
            "the server reports no queues at all",
            "Check that -H is the right Rodin server",
        )
    else:
        verb = "select" if " and " in given else "selects" if given == "-q" else "leaves"
        cause = f"{given} {verb} none of the server's {count(offered, 'queue')}"
        next_step = "Check the patterns; -v lists the queues"
    return Finding(State.OK, EMPTY, cause=cause, next_step=next_step)


def limit_words(metric: str, limit: Range, side: str = "") -> str:
    """Return the values on which *limit* alerts; *side* names only the side that was breached."""
    start, end = (_limit_value(metric, bound) for bound in (limit.start, limit.end))
    bounded_below, bounded_above = limit.start > -float("inf"), limit.end < float("inf")
    if limit.inside:
        if bounded_below and bounded_above:
            return f"between {start} and {end}"
        return f"from {start}" if bounded_below else f"up to {end}"
    if side == ABOVE or (not side and limit.start in (0, -float("inf")) and bounded_above):
        return f"above {end}"
    if side == BELOW or not bounded_above:
        return f"below {start}"
    return f"below {start} or above {end}"


def _limit_value(metric: str, bound: Number) -> str:
    if metric == TOKEN_EXPIRES_IN.name and abs(bound) < float("inf"):
        return duration(bound)
    return f"{decimal(bound)} s" if metric == TIME.name else decimal(bound)


def measured(finding: Finding) -> str:
    """Return the metric with its value, as -v shows it."""
    if finding.name == TOKEN_EXPIRES_IN.name:
        return f"token {_expiry(finding.value)}"
    if finding.name == TIME.name:
        return f"{finding.label} {decimal(round(finding.value, 3))} s"
    return f"{finding.label} {decimal(finding.value)}"


def reasons(finding: Finding) -> List[str]:
    """Return why *finding* has its state, for -vv: each threshold and its outcome."""
    if not finding.is_metric:
        where = f"{finding.display}: " if finding.display else ""
        return [f"{where}{finding.name} is {finding.state.name}"]
    lines = []
    for threshold, limit in finding.limits.ranges():
        side = limit.side(finding.value)
        words = limit_words(finding.name, limit, side)
        outcome = f"{threshold.level.name}, {words}" if side else f"not {words}"
        lines.append(f"{measured(finding)}: {outcome}, by {threshold.origin}")
    return lines


def _expiry(seconds: Number) -> str:
    if seconds < 0:
        return f"expired {duration(-seconds)} ago"
    return f"expires in {duration(seconds)}"


def duration(seconds: Number) -> str:
    """Return *seconds* for people, in its two largest units: 23 h 57 min."""
    rest = int(abs(seconds))
    parts: List[str] = []
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s")):
        whole, rest = divmod(rest, size)
        if whole or (not parts and size == 1):
            parts.append(f"{whole} {unit}")
        elif parts:
            break
    return ("-" if seconds < 0 else "") + " ".join(parts[:2])


def count(number: int, noun: str) -> str:
    """Return *number* with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
