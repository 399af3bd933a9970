"""What was found, and its words: `WHAT happened, WHERE (value, limit) (condition). NEXT STEP`.

A problem is all findings about one queue, or one other finding. A queue's problem is a list of
counts, each with its limits after it. Queues whose lists differ only in the values share a phrase.
The next step of the worst problem stands at the end.

`connection_errors` and the modules that raise an error have their own words.
"""

from collections.abc import Sequence
from typing import NamedTuple, Optional

from check_rodin_queues.conditions import DEFAULT_STATES, EMPTY, INVALID, MISSING, STALLED, STRANDED
from check_rodin_queues.errors import SEVERITY, State
from check_rodin_queues.metrics import TIME, TOKEN_EXPIRES_IN, TOTAL, decimal
from check_rodin_queues.response import FIELDS, Queue
from check_rodin_queues.selection import BY_DEFAULT, Policy
from check_rodin_queues.thresholds import ABOVE, BELOW, INSIDE, Threshold

_CHECK_LIMIT = "Check the threshold"
_IDLE = "Check why so few jobs arrive"
_OVERLOADED = "Add workers, or check why jobs take long"

#: The words of each metric: its fact with {} for the value, and the next step above and below.
WORDS: dict[str, tuple[str, str, str]] = {
    "consumers": ("{} consumers", "Check why so many workers connect", "Start more workers"),
    "job_awaiting": ("{} jobs waiting", _OVERLOADED, _IDLE),
    "job_running": ("{} jobs running", "Check what the workers are doing", _IDLE),
    "awaiting_per_consumer": ("{} jobs waiting per consumer", _OVERLOADED, _IDLE),
    "busy_ratio": ("{} consumers busy", "Add workers if jobs are waiting", _IDLE),
    TIME.name: ("the check took {}", "Check the server's load and the network", _CHECK_LIMIT),
    TOKEN_EXPIRES_IN.name: ("the API token {}", _CHECK_LIMIT, "Replace it"),
}
#: The counts that show a condition of a queue; its name stands after the last.
FACTS: dict[str, tuple[str, ...]] = {
    STRANDED: ("consumers", "job_awaiting"),
    STALLED: ("job_awaiting", "consumers", "job_running"),
}
#: Metrics for which N alone, the range 0 to N, is probably a minimum with its colon forgotten.
_MINIMA = ("consumers", TOKEN_EXPIRES_IN.name)
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
#: Bytes that the status line has after `RODIN_QUEUES CRITICAL - `.
_ROOM = 230
#: More names than this never fit.
_MAX_NAMES = 80


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
    limits: tuple[Threshold, ...] = ()
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

    def breach(self) -> tuple[Threshold, str]:
        """Return the threshold that decided *state*, which is not OK, and the side."""
        threshold = next(one for one in self.limits if one.level is self.state)
        return threshold, threshold.limit.side(self.value)


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Return *findings* by their state; those of one state stay in order."""
    return sorted(findings, key=lambda finding: -SEVERITY[finding.state])


def by_queue(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Return the findings about one queue together, and each other one alone; the worst first."""
    groups: dict[object, list[Finding]] = {}
    for number, finding in enumerate(worst_first(findings)):
        groups.setdefault(finding.queue or number, []).append(finding)
    return list(groups.values())


class Verdict(NamedTuple):
    """What was found as a whole.

    *problems* are phrases, the worst first; for an OK there is one, the summary. *mistaken*: the
    arguments alone are wrong.
    """

    state: State
    problems: tuple[str, ...]
    next_step: str = ""
    perfdata: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    mistaken: bool = False

    @property
    def proven(self) -> bool:
        """Whether the queue data prove a CRITICAL."""
        return any(
            one.queue or one.display == TOTAL or one.name == MISSING
            for one in self.findings
            if one.state is State.CRITICAL
        )


class Problem:
    """The bad findings about one queue, the worst first, or one other bad finding.

    *facts* are the counts to name: each with its value and the findings in parentheses after it.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.first, self.queue = findings[0], findings[0].queue
        self.is_stalled = any(finding.name == STALLED for finding in findings)
        self.facts: dict[str, tuple[float, list[Finding]]] = {}
        for finding in sorted(findings, key=lambda one: one.is_metric):
            explained = STRANDED if finding.value == float("inf") else finding.name
            names = FACTS.get(explained, (finding.name,))
            for name in names:  # a field of the queue, or the metric itself
                self.facts.setdefault(name, (getattr(self.queue, name, finding.value), []))
            self.facts[names[-1]][1].insert(0, finding)
        self.is_dead = bool(self.queue and not self.queue.consumers and "consumers" in self.facts)

    def kind(self) -> tuple[object, ...]:
        """Return what is equal for problems that share a phrase."""
        if not self.queue:
            return self.first.state, self.first.shared or self.first.label
        facts = {**self.facts}
        if self.is_dead:
            facts.pop("job_awaiting", None)  # with jobs waiting or without, it is one problem
        parts = ((name, not value, *map(_tag, after)) for name, (value, after) in facts.items())
        return self.first.state, *parts


def describe(findings: tuple[Finding, ...]) -> Verdict:
    """Return the verdict: a phrase for each kind of problem, and the next step for the worst."""
    by_kind: dict[object, list[Problem]] = {}
    for problem in map(Problem, by_queue([finding for finding in findings if finding.state])):
        by_kind.setdefault(problem.kind(), []).append(problem)
    groups = list(by_kind.values())
    if not groups:
        return Verdict(State.OK, (_summary(findings),), findings=findings)
    selected = len({finding.queue for finding in findings if finding.queue})
    next_step = _next_step(groups, selected)
    room = _ROOM - len(f". {next_step}".encode()) - (len("; and 9999 more") if groups[1:] else 0)
    phrases = []
    for group in groups:
        phrases.append(_phrase(group, selected, room))
        room -= len(f"; {phrases[-1]}".encode())
    return Verdict(groups[0][0].first.state, tuple(phrases), next_step, findings=findings)


def _summary(findings: Sequence[Finding]) -> str:
    """Return the text of an OK: counts, or without a queue the condition that --state made OK."""
    queues = {finding.queue for finding in findings if finding.queue}
    if not queues:
        return shown(next(finding for finding in findings if finding.cause))
    consumers, waiting, running = (
        sum(getattr(queue, field) for queue in queues) for field in FIELDS
    )
    return (
        f"{_count(len(queues), 'queue')}, {_count(consumers, 'consumer')}, "
        f"{_count(waiting, 'job')} waiting, {_count(running, 'job')} running"
    )


def _phrase(group: Sequence[Problem], selected: int, room: int) -> str:
    """Return the text of one problem, or of several that share a phrase of *room* bytes."""
    first, number = group[0].first, len(group)
    if number == 1:
        if first.cause:
            return shown(first)
        return f"{first.display}: {_facts(group)}" if first.queue else _facts(group)
    if first.cause:
        text = f"{first.shared.format(number)} ({first.name})"
    else:
        text = f"{number} of {selected} queues have {_facts(group)}"
    text += ": "
    return text + _names(group, room - len(text.encode()))


def _facts(group: Sequence[Problem]) -> str:
    """Return the counts of a problem, or those of several together: their sums."""
    sums: dict[str, float] = {}
    findings: dict[str, list[Finding]] = {}
    for problem in group:
        for name, (value, after) in problem.facts.items():
            sums[name] = sums.get(name, 0) + value
            findings.setdefault(name, []).extend(after)
    return ", ".join(_fact(name, sums[name], findings[name], len(group)) for name in sums)


def _fact(name: str, value: float, findings: Sequence[Finding], queues: int) -> str:
    """Return a count with its noun, and after it the limits and conditions of *findings*.

    If each of several *queues* breaches a limit, "too many" or "too few" stands for their sum.
    """
    text = WORDS[name][0]
    limited = [finding for finding in findings if finding.is_metric]
    if value and len(limited) == queues > 1:
        text = text.format("too many" if _is_high(limited[0]) else "too few")
    elif name == "busy_ratio":
        text = f"{'all consumers busy, ' if value >= 1 else ''}busy_ratio {decimal(value)}"
    elif name == "consumers" and not value:
        text = "no consumers"
    elif name == "job_running" and any(finding.name == STALLED for finding in findings):
        text = "0 running"
    else:
        text = text.format(_value(name, value))
        if value == 1 and name in FIELDS:
            text = text.replace("consumers", "consumer").replace("jobs", "job")
        if name == "consumers" and not findings:
            text += " connected"
    if findings and findings[0].display == TOTAL:
        text += " in all queues"
    return " ".join((text, *dict.fromkeys(f"({_tag(finding)})" for finding in findings)))


def _names(group: Sequence[Problem], room: int) -> str:
    """Return the names that fit into *room* bytes, at least one, and count the others.

    A name stands with its jobs waiting and the values that have a limit.
    """
    items = []
    for problem in group[:_MAX_NAMES]:
        values = " and ".join(
            decimal(value)
            for name, (value, findings) in problem.facts.items()
            if value and (findings or name == "job_awaiting")
        )
        items.append(f"{problem.first.display} {values}".rstrip())
    for number in range(len(items), 0, -1):
        more = f" and {len(group) - number} more" if number < len(group) else ""
        text = ", ".join(items[:number]) + more
        if len(text.encode()) <= room:
            break
    return text


def _next_step(groups: Sequence[Sequence[Problem]], selected: int) -> str:
    worst = groups[0]
    first = worst[0].first
    if worst[0].is_dead:
        if len(worst) == 1:
            return f"Start {f'the workers of {first.display}' if groups[1:] else 'its workers'}"
        if len(worst) < selected:
            return "Start their workers"
        return "Start their workers; if all stopped at once, check the broker and the network"
    if worst[0].is_stalled:
        return "Check the worker logs: they are not picking up jobs"
    return _metric_step(first) if first.is_metric else first.next_step


def _metric_step(finding: Finding) -> str:
    threshold, side = finding.breach()
    if finding.name in _MINIMA and side == ABOVE and threshold.limit.start == 0:
        selector = threshold.origin.rpartition("=")[0]
        return f"If you meant a minimum, write {selector}={decimal(threshold.limit.end)}:"
    _, above, below = WORDS[finding.name]
    return above if _is_high(finding) else finding.next_step or below


def _is_high(finding: Finding) -> bool:
    """Return whether the value is too high, not too low."""
    threshold, side = finding.breach()
    return side == ABOVE or (side == INSIDE and threshold.limit.start > 0)


def _tag(finding: Finding) -> str:
    """Return what stands in parentheses: the breached limit, or the condition's name."""
    if not finding.is_metric:
        return finding.name
    unit = " per consumer" if finding.value == float("inf") else ""
    return f"{finding.state.name.lower()} {limit_words(*finding.breach())}{unit}"


def missing_finding(display: str, origin: str) -> Finding:
    """Return the finding for a required queue that is not in the response."""
    next_steps = {
        BY_DEFAULT: "Check the Rodin deployment; if it has other queues, name them in --require",
        "--require": "Check the Rodin deployment, or change --require",
    }
    next_step = next_steps.get(origin, "Check the spelling; -v lists the queues")
    named = "" if origin in next_steps else f", named in {origin},"
    cause = f"queue {display}{named} is not on the server"
    shared = f"{{}} queues{named} are not on the server"
    return Finding(MISSING, display=display, cause=cause, shared=shared, next_step=next_step)


def malformed_finding(display: str, reason: str) -> Finding:
    """Return the finding for a queue whose data cannot be used."""
    next_step = "Report it to the server's administrator"
    if reason.endswith("expected an object"):
        next_step = f"If it is not a queue, exclude it with -x; else {next_step.lower()}"
    elif not reason.startswith("name of "):  # no glob matches a name that is too long
        next_step += ", or exclude the queue with -x"
    cause, shared = f"{display}: {reason}", f"{{}} queues: {reason}"
    return Finding(INVALID, display=display, cause=cause, shared=shared, next_step=next_step)


def empty_finding(offered: int, policy: Policy) -> Finding:
    """Return the finding for a response of which no queue is selected."""
    given = " and ".join(
        option for option, globs in (("-q", policy.queues), ("-x", policy.exclude)) if globs
    )
    if not offered or not given:
        next_step = "Check that it is from the right Rodin server"
        return Finding(EMPTY, cause="the response has no queues at all", next_step=next_step)
    verb = {"-q": "selects none", "-x": "excludes all"}.get(given, "select none")
    cause = f"{given} {verb} of the server's {_count(offered, 'queue')}"
    return Finding(EMPTY, cause=cause, next_step="Check the patterns; -v lists the queues")


def shown(finding: Finding) -> str:
    """Return the metric with its value, or the condition with its cause."""
    if finding.cause:
        return f"{finding.cause} ({finding.name})"
    label = "token" if finding.name == TOKEN_EXPIRES_IN.name else finding.label
    return f"{label} {_value(finding.name, finding.value)}"


def limit_words(threshold: Threshold, side: str = "") -> str:
    """Return the values on which *threshold* alerts; *side* names only the breached side."""
    limit = threshold.limit
    start, end = (_bound(threshold.metric, bound) for bound in (limit.start, limit.end))
    if limit.inside:
        if start and end:
            return f"at {start}" if start == end else f"between {start} and {end}"
        return f"from {start}" if start else f"up to {end}" if end else "at any value"
    if side == ABOVE or (end and not side and limit.start == 0):
        start = ""
    if side == BELOW:
        end = ""
    words = (f"below {start}" if start else "", f"above {end}" if end else "")
    return " or ".join(filter(None, words)) or "never"


def _bound(metric: str, bound: float) -> str:
    """Return the end of a range for people, empty if it is infinite."""
    if abs(bound) == float("inf"):
        return ""
    if metric == TOKEN_EXPIRES_IN.name:
        return duration(bound)
    return f"{decimal(bound)} s" if metric == TIME.name else decimal(bound)


def _value(metric: str, value: float) -> str:
    if metric == TOKEN_EXPIRES_IN.name:
        return f"expires in {duration(value)}" if value >= 0 else f"expired {duration(-value)} ago"
    return f"{decimal(round(value, 3))} s" if metric == TIME.name else decimal(value)


def duration(seconds: float) -> str:
    """Return *seconds* for people, in its two largest units: 23 h 57 min."""
    sign, rest = "-" if seconds < 0 else "", int(abs(seconds))
    for (size, unit), (smaller, next_unit) in zip(_UNITS, _UNITS[1:]):
        if rest >= size:
            more = rest % size // smaller
            return f"{sign}{rest // size} {unit}" + (f" {more} {next_unit}" if more else "")
    return f"{sign}{rest} s"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
