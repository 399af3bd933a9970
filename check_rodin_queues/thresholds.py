"""Thresholds: `[SELECTOR=]RANGE` of -w and -c.

RANGE is `[@]start:end` of the Monitoring Plugins guidelines, both ends inclusive:

    10      alert above 10     5:10     alert below 5 or above 10
    1:      alert below 1      @5:10    alert from 5 to 10
    ~:5     alert above 5      (empty)  no threshold

SELECTOR is METRIC (of every queue) or QUEUE_GLOB.METRIC; `total.METRIC` is the sum over the
selected queues; `time` and `token_expires_in` belong to the run.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Optional

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


class Range(NamedTuple):
    """The values from *start* to *end*. *inside*: alert on these values, not on the others."""

    start: float
    end: float
    inside: bool

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


#: The empty RANGE, which removes earlier thresholds. `~:` is equal, but another object.
NO_RANGE = Range(-_INFINITY, _INFINITY, inside=False)


class Threshold(NamedTuple):
    """A -w or -c. *origin* is the option as given, *shown* the range as perfdata shows it.

    *scope* is QUEUE, TOTAL or RUN. *glob* is for the names of queues, None for all of them.
    """

    level: State
    scope: str
    glob: Optional[str]
    metric: str
    limit: Range
    shown: str
    origin: str


class Thresholds:
    """All thresholds in the order given, defaults first: the last that matches a label applies."""

    def __init__(self, thresholds: Sequence[Threshold]) -> None:
        self._thresholds = thresholds
        self._known: dict[tuple[str, str], tuple[Threshold, ...]] = {}

    def limits(self, scope: str, metric: str, queue: str = "") -> tuple[Threshold, ...]:
        """Return what applies to *metric* in *scope*, of a queue by its raw name.

        The critical threshold comes first.
        """
        key = scope, metric
        if key in self._known:
            return self._known[key]
        named = [one for one in self._thresholds if (one.scope, one.metric) == key]
        last = {one.level: one for one in named if one.glob is None or matches(one.glob, queue)}
        given = (last[level] for level in (State.CRITICAL, State.WARNING) if level in last)
        limits = tuple(one for one in given if one.limit is not NO_RANGE)
        if all(one.glob is None for one in named):
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
    scope, glob, metric = _parse_selector(selector.strip() if equals else DEFAULT_METRIC)
    option = "-w" if level is State.WARNING else "-c"
    found = parse_range(limit.strip())
    shown = found.text(can_be_negative=metric == TOKEN_EXPIRES_IN.name)
    return Threshold(level, scope, glob, metric, found, shown, f"{option} {text.strip()}")


def _parse_selector(text: str) -> tuple[str, Optional[str], str]:
    """Return scope, glob and metric of METRIC or QUEUE_GLOB.METRIC."""
    queue = [row.name for row in QUEUE_METRICS]
    sums = [f"{TOTAL}.{row.name}" for row in QUEUE_METRICS if row.is_field]
    run = [row.name for row in RUN_METRICS]
    glob, dot, metric = text.rpartition(".")
    if text in run:
        return RUN, None, metric
    if text in sums:
        return TOTAL, None, metric
    if metric in queue and bool(glob) == bool(dot) and glob != TOTAL:
        return QUEUE, glob or None, metric
    near = suggestion(text if glob == TOTAL else metric, [*queue, *sums, *run])
    if near:
        problem, names = "unknown metric", ""
    else:
        problem, names = "no metric", f". Metrics: {', '.join([*queue, f'{TOTAL}.METRIC', *run])}"
    raise UsageError(f"{problem} in the selector{quoted(text)}{near}, {_EXPECTED_SELECTOR}{names}")


def parse_range(text: str) -> Range:
    """Read a RANGE; raises UsageError."""
    if not text:
        return NO_RANGE
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
