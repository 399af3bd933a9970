"""A strict reader of performance data, written from the plugin guidelines, not from the product.

The tests read every line of perfdata with it. It knows nothing of the package and forgives nothing:
what Nagios, Icinga or a graph would drop, split or misread is a ValueError that says why.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Dict, NamedTuple, Optional, Tuple

#: Units of the guidelines; an empty one is a plain number.
UNITS = frozenset({"", "s", "ms", "us", "%", "B", "KB", "MB", "GB", "TB", "c"})

#: Longest label that the interface allows.
LABEL_LIMIT = 80

_LABEL = re.compile(r"'(?P<quoted>[^']*)'=|(?P<bare>[^\s'=;|]*)=")
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
_PLAIN = re.compile(_NUMBER, re.ASCII)
_VALUE = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>[A-Za-z%]*)", re.ASCII)
_RANGE = re.compile(
    rf"(?P<inside>@?)(?:(?P<start>~|{_NUMBER})?(?P<colon>:))?(?P<end>{_NUMBER})?", re.ASCII
)


class Datum(NamedTuple):
    """One metric: its value with unit, both ranges as they are written, and its bounds."""

    value: Decimal
    unit: str = ""
    warning: str = ""
    critical: str = ""
    minimum: Optional[Decimal] = None
    maximum: Optional[Decimal] = None


def parse(perfdata: str) -> Dict[str, Datum]:
    """Return the metrics of *perfdata* by label, in their order.

    Raises ValueError with the reason where the text is not exactly metrics with one space between.
    """
    metrics: Dict[str, Datum] = {}
    at = 0
    while at < len(perfdata):
        label, at = _take_label(perfdata, at)
        if label in metrics:
            raise ValueError(f"{label!r} is given twice")
        end = perfdata.find(" ", at) % (len(perfdata) + 1)  # -1 becomes the end of the text
        if perfdata[end:] == " ":
            raise ValueError("the perfdata end with a space")
        metrics[label] = _datum(label, perfdata[at:end])
        at = end + 1
    return metrics


def _take_label(text: str, at: int) -> Tuple[str, int]:
    found = _LABEL.match(text, at)
    if found is None:
        raise ValueError(f"no label at {text[at : at + 40]!r}")
    quoted = found.group("quoted")
    label = found.group("bare") if quoted is None else quoted
    _check_label(label)
    if quoted and " " not in quoted:
        raise ValueError(f"{label!r} is quoted, which some readers take for a part of the name")
    return label, found.end()


def _check_label(label: str) -> None:
    if not label:
        raise ValueError("a label is empty")
    if not label.isprintable():
        raise ValueError(f"{label!r} holds what cannot be printed")
    for forbidden in ("=", "|", ";", "::"):
        if forbidden in label:
            raise ValueError(f"{label!r} holds {forbidden!r}")
    if len(label) > LABEL_LIMIT:
        raise ValueError(f"{label!r} is longer than {LABEL_LIMIT} characters")


def _datum(label: str, text: str) -> Datum:
    fields = text.split(";")
    if len(fields) > 5:
        raise ValueError(f"{label!r} has more than five fields: {text!r}")
    first, warning, critical, low, high = fields + [""] * (5 - len(fields))
    value = _VALUE.fullmatch(first)
    if value is None:
        raise ValueError(f"{label!r} has no plain decimal number: {first!r}")
    unit = value.group("unit")
    if unit not in UNITS:
        raise ValueError(f"{label!r} has the unknown unit {unit!r}")
    _check_range(label, warning)
    _check_range(label, critical)
    minimum, maximum = _bound(label, low), _bound(label, high)
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ValueError(f"{label!r} has its minimum above its maximum: {text!r}")
    number = Decimal(value.group("number"))
    if minimum is not None and number < minimum:  # above the maximum is a time at its timeout
        raise ValueError(f"{label!r} is below its minimum: {text!r}")
    return Datum(number, unit, warning, critical, minimum, maximum)


def _bound(label: str, text: str) -> Optional[Decimal]:
    if not text:
        return None
    if _PLAIN.fullmatch(text) is None:
        raise ValueError(f"{label!r} has no plain decimal number as a bound: {text!r}")
    return Decimal(text)


def _check_range(label: str, text: str) -> None:
    """Refuse what is no range of the guidelines, and the two forms that Icinga drops needlessly."""
    if not text:
        return
    found = _RANGE.fullmatch(text)
    if found is None or not (found.group("colon") or found.group("end")):
        raise ValueError(f"{label!r} has no range of the guidelines: {text!r}")
    start, end = found.group("start"), found.group("end")
    if found.group("colon") and start is None:
        raise ValueError(f"{label!r} has a range without its start: {text!r}")
    if end is None:
        return
    if start not in {None, "~"} and Decimal(str(start)) > Decimal(end):
        raise ValueError(f"{label!r} has a range that starts above its end: {text!r}")
    if not found.group("colon") and Decimal(end) < 0:
        raise ValueError(f"{label!r} has a range that starts above its end: {text!r}")
    if (
        Decimal(end) >= 0
        and _only_from_above(label, start)
        and not (found.group("inside") and start != "~")
    ):
        raise ValueError(f"{label!r} has a bound from above that is not a plain number: {text!r}")


def _only_from_above(label: str, start: Optional[str]) -> bool:
    """Tell `0:N`, and `~:N` of a metric that is never negative: the interface writes both `N`."""
    if start is None:
        return False
    if start == "~":
        return label != "token_expires_in"
    return Decimal(start) == 0
