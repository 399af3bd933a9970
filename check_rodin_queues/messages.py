"""The words for one finding: its fact, its limit and its next step.

`summary` joins them to the status text. `connection_errors` and the modules that raise an error
have their own words.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Tuple

from check_rodin_queues.conditions import EMPTY, INVALID, MISSING, STALLED, STRANDED
from check_rodin_queues.errors import State
from check_rodin_queues.metrics import TIME, TOKEN_EXPIRES_IN, TOTAL, decimal
from check_rodin_queues.response import FIELDS
from check_rodin_queues.selection import BY_DEFAULT, Policy
from check_rodin_queues.thresholds import ABOVE, BELOW, INSIDE, Threshold
from check_rodin_queues.verdict import Finding

_CHECK_LIMIT = "Check the threshold"
_IDLE = "Check why so few jobs arrive"
_OVERLOADED = "Add workers, or check why jobs take long"
NO_WORK = "Check the worker logs: they are not picking up jobs"

#: The words of each metric: its fact with {} for the value, and the next step above and below.
WORDS: Dict[str, Tuple[str, str, str]] = {
    "consumers": ("{} consumers", "Check why so many workers connect", "Start more workers"),
    "job_awaiting": ("{} jobs waiting", _OVERLOADED, _IDLE),
    "job_running": ("{} jobs running", "Check what the workers are doing", _IDLE),
    "awaiting_per_consumer": ("{} jobs waiting per consumer", _OVERLOADED, _IDLE),
    "busy_ratio": ("{} consumers busy", "Add workers if jobs are waiting", _IDLE),
    TIME.name: ("the check took {}", "Check the server's load and the network", _CHECK_LIMIT),
    TOKEN_EXPIRES_IN.name: ("the API token {}", _CHECK_LIMIT, "Replace it in {place}"),
}
#: The counts that show a condition of a queue; its name stands behind the last.
FACTS: Dict[str, Tuple[str, ...]] = {
    STRANDED: ("consumers", "job_awaiting"),
    STALLED: ("job_awaiting", "consumers", "job_running"),
}
#: Metrics for which N alone, the range 0 to N, is probably a minimum with its colon forgotten.
_MINIMA = ("consumers", TOKEN_EXPIRES_IN.name)


def fact_words(name: str, value: Optional[float], findings: Sequence[Finding]) -> str:
    """Return a count with its noun, and behind it the limits and conditions of *findings*.

    *value* is None for queues that share a limit and have different values.
    """
    text = WORDS[name][0]
    if value is None:
        limited = next(finding for finding in findings if finding.is_metric)
        text = text.format("too many" if _is_high(limited) else "too few")
    elif name == "busy_ratio":
        text = f"{'all consumers busy, ' if value >= 1 else ''}busy_ratio {decimal(value)}"
    elif name == "consumers" and value == 0:
        text = "no consumers"
    elif name == "consumers" and not findings:
        text = f"{count(int(value), 'consumer')} connected"
    elif name == "job_running" and any(finding.name == STALLED for finding in findings):
        text = "0 running"
    elif value == 1 and name in FIELDS:
        text = text.format(1).replace("consumers", "consumer").replace("jobs", "job")
    else:
        text = text.format(_shown(name, value))
    if findings and findings[0].display == TOTAL:
        text += " in all queues"
    return " ".join((text, *dict.fromkeys(f"({tag(finding)})" for finding in findings)))


def _shown(name: str, value: float) -> str:
    """Return *value* for people."""
    if name == TOKEN_EXPIRES_IN.name:
        return expiry(value)
    return f"{decimal(round(value, 3))} s" if name == TIME.name else decimal(value)


def tag(finding: Finding) -> str:
    """Return what stands in parentheses: the breached limit, or the condition's name."""
    if not finding.is_metric:
        return finding.name
    unit = " per consumer" if finding.value == float("inf") else ""
    return f"{finding.state.name.lower()} {limit_words(*finding.breach())}{unit}"


def metric_step(finding: Finding, place: str = "") -> str:
    """Return the next step for a metric; *place* is where the token came from."""
    threshold, side = finding.breach()
    if finding.name in _MINIMA and side == ABOVE and threshold.limit.start == 0:
        selector = threshold.origin.rpartition("=")[0]
        return f"If you meant a minimum, write {selector}={decimal(threshold.limit.end)}:"
    _, above, below = WORDS[finding.name]
    return (above if _is_high(finding) else below).format(place=place)


def _is_high(finding: Finding) -> bool:
    """Return whether the value is too high, not too low."""
    threshold, side = finding.breach()
    return side == ABOVE or (side == INSIDE and threshold.limit.start > 0)


def missing_finding(display: str, origin: str) -> Finding:
    """Return the finding for a required queue that is not in the response."""
    named = ""
    next_step = "Check the Rodin deployment; if it was removed on purpose, change --require"
    if origin == BY_DEFAULT:
        next_step = "Check the Rodin deployment; if it has other queues, name them in --require"
    elif origin != "--require":
        named = f", named in {origin},"
        next_step = "Check the spelling; -v lists the queues"
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
    verbs = {"-q": "selects none", "-x": "excludes all"}
    cause = f"{given} {verbs.get(given, 'select none')} of the server's {count(offered, 'queue')}"
    return Finding(EMPTY, cause=cause, next_step="Check the patterns; -v lists the queues")


def limit_words(threshold: Threshold, side: str = "") -> str:
    """Return the values on which *threshold* alerts; *side* names only the breached side."""
    limit = threshold.limit
    start, end = (_limit_value(threshold.metric, bound) for bound in (limit.start, limit.end))
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


def _limit_value(metric: str, bound: float) -> str:
    if metric == TOKEN_EXPIRES_IN.name and abs(bound) < float("inf"):
        return duration(bound)
    return f"{decimal(bound)} s" if metric == TIME.name else decimal(bound)


def measured(finding: Finding) -> str:
    """Return the metric with its value, as -v shows it."""
    label = "token" if finding.name == TOKEN_EXPIRES_IN.name else finding.label
    return f"{label} {_shown(finding.name, finding.value)}"


def reasons(finding: Finding) -> List[str]:
    """Return why *finding* has its state, for -vv: each threshold and its outcome."""
    if not finding.is_metric:
        where = f"{finding.display}: " if finding.display else ""
        return [f"{where}{finding.name} is {finding.state.name}"]
    lines = []
    for threshold in finding.limits:
        side = threshold.limit.side(finding.value)
        words = limit_words(threshold, side)
        outcome = f"{threshold.level.name}, {words}" if side else f"not {words}"
        if side and finding.state is State.OK:
            outcome = "not judged without a complete response"
        lines.append(f"{measured(finding)}: {outcome}, by {threshold.origin}")
    return lines


def expiry(seconds: float) -> str:
    """Return when the token expires or expired, as a predicate."""
    if seconds < 0:
        return f"expired {duration(-seconds)} ago"
    return f"expires in {duration(seconds)}"


def duration(seconds: float) -> str:
    """Return *seconds* for people, in its two largest units: 23 h 57 min."""
    rest = int(abs(seconds))
    parts: List[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        whole, rest = divmod(rest, size)
        if whole or (not parts and size == 1):
            parts.append(f"{whole} {unit}")
        elif parts:
            break
    return ("-" if seconds < 0 else "") + " ".join(parts[:2])


def count(number: int, noun: str) -> str:
    """Return *number* with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
