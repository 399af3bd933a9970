"""Thresholds: `[SELECTOR=]RANGE` of -w and -c.

RANGE is `[@]start:end` of the Monitoring Plugins guidelines, both ends inclusive:

    10      alert above 10     5:10     alert below 5 or above 10
    1:      alert below 1      @5:10    alert from 5 to 10
    ~:5     alert above 5      (empty)  no threshold

SELECTOR is METRIC (of every queue) or QUEUE_GLOB.METRIC; `total.METRIC` is the sum over the
selected queues; `time` and `token_expires_in` belong to the run.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from check_rodin_queues.errors import State, UsageError, quoted, suggestion
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS, TOKEN_EXPIRES_IN, TOTAL, decimal

#: The metric of a threshold without a selector.
DEFAULT_METRIC = "job_awaiting"
#: The scopes of a metric.
QUEUE, RUN = "queue", "run"
#: The sides of a range on which a value can alert.
ABOVE, BELOW, INSIDE = "above", "below", "inside"

_NUMBER = r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})"
_RANGE = re.compile(rf"(@?)(?:(~|{_NUMBER})?(:))?({_NUMBER})?")
_EXPECTED = (
    "expected for example 10 (alert above 10), 1: (below 1), 5:10 (outside) or @5:10 (inside)"
)
_EXPECTED_SELECTOR = "expected for example rodin.mesh.job_awaiting=5"
_INFINITY = float("inf")


class Range:
    """The values from *start* to *end*. *inside*: alert on these values, not on the others."""

    def __init__(self, start: float, end: float, *, inside: bool) -> None:
        self.start = start
        self.end = end
        self.inside = inside

    def side(self, value: float) -> str:
        """Return the side on which *value* alerts, empty if it does not."""
        if self.start <= value <= self.end:
            return INSIDE if self.inside else ""
        if self.inside:
            return ""
        return ABOVE if value > self.end else BELOW

    def text(self, *, can_be_negative: bool) -> str:
        """Return the range as perfdata shows it.

        `0:N` is written `N`, the one form that Icinga keeps. So is `~:N` of a metric that is never
        negative.
        """
        at = "@" if self.inside else ""
        end = "" if self.end == _INFINITY else decimal(self.end)
        from_zero = self.start == 0 or (self.start == -_INFINITY and not can_be_negative)
        if end and from_zero and self.end >= 0:
            return f"{at}{end}"
        start = "~" if self.start == -_INFINITY else decimal(self.start)
        return f"{at}{start}:{end}"


class Selector(NamedTuple):
    """The labels that a threshold is for. *scope* is QUEUE, TOTAL or RUN; *glob* None: all."""

    scope: str
    glob: Optional[str]
    metric: str


class Threshold(NamedTuple):
    """A -w or -c. *limit* None removes earlier thresholds. *origin* is the option as given."""

    level: State
    selector: Selector
    limit: Optional[Range]
    origin: str


class Limits:
    """The thresholds that apply to one label.

    *ranges* has each threshold with its range, the critical one first. *warning* and *critical*
    are what perfdata shows.
    """

    def __init__(self, by_level: Mapping[State, Threshold], metric: str) -> None:
        given = (by_level.get(State.CRITICAL), by_level.get(State.WARNING))
        self.ranges = tuple((one, one.limit) for one in given if one and one.limit)
        signed = metric == TOKEN_EXPIRES_IN.name  # the one metric that can be negative
        self.critical, self.warning = (
            one.limit.text(can_be_negative=signed) if one and one.limit else "" for one in given
        )


NO_LIMITS = Limits({}, "")


class Thresholds:
    """All thresholds in the order given, defaults first: the last that matches a label applies."""

    def __init__(self, thresholds: Tuple[Threshold, ...]) -> None:
        self._by_metric: Dict[Tuple[str, str], List[Threshold]] = {}
        self._known: Dict[Tuple[str, str], Limits] = {}
        for threshold in thresholds:
            key = (threshold.selector.scope, threshold.selector.metric)
            self._by_metric.setdefault(key, []).append(threshold)

    def limits(self, scope: str, metric: str, queue: str = "") -> Limits:
        """Return what applies to *metric* in *scope*, of a queue by its raw name."""
        key = scope, metric
        if key in self._known:
            return self._known[key]
        thresholds = self._by_metric.get(key, ())
        last = {
            threshold.level: threshold
            for threshold in thresholds
            if threshold.selector.glob is None or matches(threshold.selector.glob, queue)
        }
        limits = Limits(last, metric)
        if all(threshold.selector.glob is None for threshold in thresholds):
            self._known[key] = limits  # the same for every queue
        return limits


def is_plain(glob: str) -> bool:
    """Return whether *glob* names one queue."""
    return not any(char in glob for char in "*?[]")


def matches(glob: str, name: str) -> bool:
    """Return whether *name* matches *glob*: `*`, `?` and `[]`, case-sensitive."""
    if is_plain(glob):
        return name == glob
    from fnmatch import fnmatchcase  # noqa: PLC0415 — most runs have no glob

    try:
        return fnmatchcase(name, glob)
    except re.error:  # Python 3.9 rejects [z-a]
        return False


def parse_threshold(level: State, text: str) -> Threshold:
    """Read `[SELECTOR=]RANGE`; raises UsageError."""
    selector, equals, limit = text.rpartition("=")
    option = "-w" if level is State.WARNING else "-c"
    return Threshold(
        level,
        parse_selector(selector.strip()) if equals else Selector(QUEUE, None, DEFAULT_METRIC),
        parse_range(limit.strip()),
        f"{option} {text.strip()}",
    )


def parse_selector(text: str) -> Selector:
    """Read METRIC or QUEUE_GLOB.METRIC; raises UsageError."""
    queue = [row.name for row in QUEUE_METRICS]
    sums = [f"{TOTAL}.{row.name}" for row in QUEUE_METRICS if row.is_field]
    run = [row.name for row in RUN_METRICS]
    glob, dot, metric = text.rpartition(".")
    if text in run:
        return Selector(RUN, None, metric)
    if text in sums:
        return Selector(TOTAL, None, metric)
    if metric in queue and bool(glob) == bool(dot) and glob != TOTAL:
        return Selector(QUEUE, glob or None, metric)
    near = suggestion(text if glob == TOTAL else metric, [*queue, *sums, *run])
    if near:
        problem, names = "unknown metric", ""
    else:
        problem, names = "no metric", f". Metrics: {', '.join([*queue, f'{TOTAL}.METRIC', *run])}"
    raise UsageError(f"{problem} in the selector{quoted(text)}{near}, {_EXPECTED_SELECTOR}{names}")


def parse_range(text: str) -> Optional[Range]:
    """Read a RANGE, an empty one as None; raises UsageError."""
    if not text:
        return None
    found = _RANGE.fullmatch(text)
    if found is None or not (found[2] or found[4]):
        raise UsageError(f"invalid range{quoted(text)}, {_EXPECTED}")
    at, start_text, colon, end_text = found.groups()
    start = -_INFINITY if start_text == "~" else _number(start_text or "0")
    end = _number(end_text) if end_text else _INFINITY
    if start > end:
        reason = "start above end" if colon else "negative maximum"
        raise UsageError(f"invalid range{quoted(text)}: {reason}, {_EXPECTED}")
    return Range(start, end, inside=bool(at))


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)
