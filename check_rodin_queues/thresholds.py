"""Thresholds: which labels they are for (SELECTOR) and what they allow (RANGE).

RANGE is `[@]start:end` of the Monitoring Plugins guidelines, read strictly:

    10      outside 0..10      1:      below 1         ~:5     above 5
    5:10    outside 5..10      @5:10   inside 5..10    (empty) no threshold

Ends are inclusive. SELECTOR is METRIC (of every queue) or QUEUE_GLOB.METRIC; `total.METRIC` is the
sum over the selected queues, `time` and `token_expires_in` are the run's own.
"""

from __future__ import annotations

import re
from typing import Optional, Tuple

from check_rodin_queues.errors import UsageError
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS, TOTAL, Number, known_metrics
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.states import State

#: The metric of a threshold without a selector.
DEFAULT_METRIC = "job_awaiting"
FORMS = "10 (outside 0..10), 1: (below 1), ~:5 (above 5), 5:10, @5:10 (inside), empty for none"

#: The most digits before and behind the point: more is a slip, and Python converts no thousands.
_MAX_DIGITS = 30


class Range(NamedTuple):
    """The values up to *end*; *inside*: alert on these, not on the others.

    *text* is the whole range as perfdata shows it and as `nagiosplugin.Range` reads it.
    """

    text: str
    end: Number
    inside: bool


class Selector(NamedTuple):
    """The labels that a threshold is for.

    *scope* is "queue", TOTAL or "run"; *glob* is the queue's glob, None for every queue.
    """

    scope: str
    glob: Optional[str]
    metric: str


class Threshold(NamedTuple):
    """A -w or -c: alert with *level* outside *limit*; without a limit it removes earlier ones.

    *origin* is the option as given, for -vv.
    """

    level: State
    selector: Selector
    limit: Optional[Range]
    origin: str


def parse_threshold(level: State, text: str) -> Threshold:
    """Read `[SELECTOR=]RANGE`; raises UsageError."""
    selector, equals, limit = text.rpartition("=")
    option = "-w" if level is State.WARNING else "-c"
    return Threshold(
        level,
        parse_selector(selector) if equals else Selector("queue", None, DEFAULT_METRIC),
        parse_range(limit),
        f"{option} {text}",
    )


def parse_selector(text: str) -> Selector:
    """Read METRIC or QUEUE_GLOB.METRIC; raises UsageError."""
    glob, dot, metric = text.rpartition(".")
    if not dot and metric in (row.name for row in RUN_METRICS):
        return Selector("run", None, metric)
    if glob == TOTAL and metric in (row.name for row in QUEUE_METRICS if row.summed):
        return Selector(TOTAL, None, metric)
    if metric in (row.name for row in QUEUE_METRICS) and bool(glob) == bool(dot) and glob != TOTAL:
        return Selector("queue", glob or None, metric)
    raise UsageError(f"SELECTOR has to end in a metric. Metrics: {', '.join(known_metrics())}")


def parse_range(text: str) -> Optional[Range]:
    """Read a RANGE, an empty one as None; raises UsageError."""
    if not text:
        return None
    inside = text.startswith("@")
    first, colon, last = text[inside:].rpartition(":")
    starts = first == "~" or _is_number(first)
    if not (starts and (not last or _is_number(last)) if colon else _is_number(last)):
        raise UsageError(f"{_shown(text)} is not a range. Accepted: {FORMS}")
    start, start_text = _bound(first, "-inf" if first == "~" else "0")
    end, end_text = _bound(last, "inf")
    if start > end:
        raise UsageError(f"the start of {_shown(text)} is above its end. Accepted: {FORMS}")
    prefix = "" if start == 0 and last else f"{start_text}:"
    return Range(f"{'@' if inside else ''}{prefix}{end_text}", end, inside)


def _is_number(text: str) -> bool:
    """Tell whether *text* is ASCII digits, with an optional sign and decimals.

    By hand: a regular expression would have to be compiled in every run.
    """
    whole, point, decimals = (text[1:] if text[:1] in ("+", "-") else text).partition(".")
    return _is_digits(decimals) and (not whole or _is_digits(whole)) if point else _is_digits(whole)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def _shown(text: str) -> str:
    """Return *text* for a message if it is made of what ranges are made of, so no secret."""
    return f"'{text}'" if re.fullmatch(r"[0-9.:~@+-]{1,20}", text) else "what was given"


def _bound(text: str, default: str) -> Tuple[Number, str]:
    """Return a bound's number and its shortest text; "~" and nothing have none of their own."""
    if text in ("", "~"):
        return float(default), text
    sign = "-" if text.startswith("-") else ""
    whole, _, decimals = text.lstrip("+-").partition(".")
    whole, decimals = whole.lstrip("0") or "0", decimals.rstrip("0")
    if decimals:
        return float(f"{sign}{whole}.{decimals}"), f"{sign}{whole}.{decimals}"
    return int(f"{sign}{whole}"), "0" if whole == "0" else f"{sign}{whole}"
