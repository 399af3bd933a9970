"""The words of verdicts: `WHAT happened, WHERE (value, limit) (condition). NEXT STEP`.

A Finding is one judged metric or one condition. All findings about one queue become one phrase with
each fact once; queues with the same problem share a sentence; the next step of the worst problem
stands at the end. `connection_errors` and the modules that raise an error have their own words.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from check_rodin_queues.conditions import EMPTY, INVALID, MISSING, STALLED, STRANDED
from check_rodin_queues.errors import SEVERITY, State
from check_rodin_queues.metrics import TIME, TOKEN_EXPIRES_IN, TOTAL, Number, decimal
from check_rodin_queues.response import FIELDS, Queue
from check_rodin_queues.selection import BY_DEFAULT, Policy
from check_rodin_queues.thresholds import ABOVE, BELOW, INSIDE, Range
from check_rodin_queues.verdict import Finding

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
#: Bytes that the status line has after `RODIN_QUEUES CRITICAL - `.
_ROOM = 230
_IDLE = "Check why so few jobs arrive"
_OVERLOADED = "Add workers, or check why jobs take long"
_NO_WORK = "Check the worker logs: they are not picking up jobs"

#: The words of each metric: its fact with {} for the value, and the next step above and below.
WORDS: Dict[str, Tuple[str, str, str]] = {
    "consumers": ("{} consumers", "Check why so many workers connect", "Start more workers"),
    "job_awaiting": ("{} jobs waiting", _OVERLOADED, _IDLE),
    "job_running": ("{} jobs running", "Check what the workers are doing", _IDLE),
    "awaiting_per_consumer": ("{} jobs waiting per consumer", _OVERLOADED, _IDLE),
    "busy_ratio": ("{} consumers busy", "Add workers if jobs are waiting", _IDLE),
    TIME.name: (
        "the check took {} s",
        "Check the server's load and the network",
        "Check the threshold",
    ),
    TOKEN_EXPIRES_IN.name: ("the API token {}", "Check the threshold", "Replace it in {place}"),
}
#: Metrics for which N alone, the range 0 to N, is probably a minimum with its colon forgotten.
_MINIMA = ("consumers", TOKEN_EXPIRES_IN.name)


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
    expiry = next((one for one in bad if one.name == TOKEN_EXPIRES_IN.name), None)
    error = next((one for one in bad if expiry and _expiry(expiry.value) in one.cause), None)
    if not expiry or not error:
        return bad
    return [error._replace(cause=f"{error.cause} ({_tag(expiry)})")]  # no queue beside an error


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
    merged: Dict[str, List[_Problem]] = {}
    for number, group in enumerate(by_queue.values()):
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
        text += f", {_fact('job_awaiting', waiting, tags)}"
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
    facts = [_fact(fact, values[fact], tags[fact], stalled=stalled) for fact in tags]
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
        amount = f"too {'many' if _is_high(findings[0]) else 'few'} " if len(tags) == 1 else ""
        nouns = [_fact(fact, None, tags[fact], stalled=stalled) for fact in tags if values[fact]]
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
        tags[facts[-1]].append(_tag(finding))
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


def _fact(name: str, value: Optional[Number], tags: Sequence[str], *, stalled: bool = False) -> str:
    """Return a count with its noun and its limits; without a *value* only the noun."""
    text = WORDS[name][0]
    if value is None:
        text = text.replace("{} ", "")
    elif name == "busy_ratio":
        text = f"{'all consumers busy, ' if value >= 1 else ''}busy_ratio {decimal(value)}"
    elif value == 1 and name in FIELDS:
        text = text.format(1).replace("consumers", "consumer").replace("jobs", "job")
    else:
        text = text.format("no" if name == "consumers" and value == 0 else decimal(value))
    if stalled and name == "consumers":
        text += " connected"
    elif stalled and name == "job_running" and value == 0:
        text = "0 running"
    return " ".join((text, *(f"({tag})" for tag in dict.fromkeys(tags))))


def _tag(finding: Finding) -> str:
    if not finding.is_metric:
        return finding.name
    _, limit, side = finding.breach()
    level = finding.state.name.lower()
    unit = " per consumer" if finding.value == float("inf") else ""
    return f"{level} {limit_words(finding.name, limit, side)}{unit}" if limit else level


def _queue_step(group: Sequence[Finding], queue: Queue) -> str:
    names = {finding.name for finding in group}
    if not queue.consumers and (
        names & {"consumers", STRANDED} or any(one.value == float("inf") for one in group)
    ):
        return "Start its workers"
    return _NO_WORK if STALLED in names else _metric_step(group[0])


def _metric_step(finding: Finding, place: str = "") -> str:
    threshold, limit, side = finding.breach()
    if threshold is None or limit is None:
        return ""
    selector = threshold.origin.rpartition("=")[0]
    if finding.name in _MINIMA and side == ABOVE and limit.start == 0:
        return f"If you meant a minimum, write {selector}={decimal(limit.end)}:"
    if finding.name == TIME.name and side == BELOW:
        return f"If you meant a maximum, write {selector}={decimal(limit.start)}"
    _, above, below = WORDS[finding.name]
    return (above if _is_high(finding) else below).format(place=place)


def _is_high(finding: Finding) -> bool:
    """Return whether the value is too high, not too low."""
    _, limit, side = finding.breach()
    return side == ABOVE or (side == INSIDE and limit is not None and limit.start > 0)


def _other_problem(finding: Finding, place: str) -> _Problem:
    if finding.is_metric:
        number = decimal(round(finding.value, 3))
        value = _expiry(finding.value) if finding.name == TOKEN_EXPIRES_IN.name else number
        text = WORDS[finding.name][0].format(value)
        if finding.display == TOTAL:
            text += " in all queues"
        return _Problem(f"{text} ({_tag(finding)})", _metric_step(finding, place))
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


def missing_finding(display: str, origin: str) -> Finding:
    """Return the finding for a required queue that is not in the response."""
    next_step = "Check the Rodin deployment; if it was removed on purpose, change --require"
    named = ""
    if origin not in ("--require", BY_DEFAULT):
        named = f", named in {origin},"
        next_step = "Check the spelling; -v lists the queues"
    elif origin == BY_DEFAULT:
        next_step = "Check the Rodin deployment; if it has other queues, name them in --require"
    cause = f"queue {display}{named} is not on the server"
    return Finding(State.OK, MISSING, display=display, cause=cause, next_step=next_step)


def malformed_finding(display: str, reason: str) -> Finding:
    """Return the finding for a queue whose data cannot be used."""
    next_step = "Report it to the server's administrator"
    if reason.endswith("expected an object"):
        next_step = (
            "If it is not a queue, exclude it with -x; else report it to the server's administrator"
        )
    elif not reason.startswith("name of "):  # no glob matches a name that is too long
        next_step += ", or exclude the queue with -x"
    cause = f"{display}: {reason}"
    return Finding(State.OK, INVALID, display=display, cause=cause, next_step=next_step)


def empty_finding(offered: int, policy: Policy) -> Finding:
    """Return the finding for a response of which no queue is selected."""
    given = " and ".join(
        option for option, globs in (("-q", policy.queues), ("-x", policy.exclude)) if globs
    )
    if not offered or not given:
        cause = "the response has no queues at all"
        next_step = "Check that it is from the right Rodin server"
    else:
        verb = "select" if " and " in given else "selects" if given == "-q" else "leaves"
        cause = f"{given} {verb} none of the server's {count(offered, 'queue')}"
        next_step = "Check the patterns; -v lists the queues"
    return Finding(State.OK, EMPTY, cause=cause, next_step=next_step)


def limit_words(metric: str, limit: Range, side: str = "") -> str:
    """Return the values on which *limit* alerts; *side* names only the side that was breached."""
    start, end = (_limit_value(metric, bound) for bound in (limit.start, limit.end))
    bounded = (limit.start > -float("inf"), limit.end < float("inf"))
    if limit.inside:
        words = {
            (True, True): f"at {start}" if start == end else f"between {start} and {end}",
            (True, False): f"from {start}",
            (False, True): f"up to {end}",
        }
        return words.get(bounded, "at any value")
    if not any(bounded):
        return "never"
    if side == ABOVE or (not side and limit.start in (0, -float("inf")) and bounded[1]):
        return f"above {end}"
    if side == BELOW or not bounded[1]:
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
        if side and finding.state is State.OK:
            outcome = "not judged without a complete response"
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
